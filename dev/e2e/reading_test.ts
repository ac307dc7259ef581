import { assert, assertEquals } from "@std/assert";
import { Cluster, needsServices } from "./cluster.ts";
import { join, logIn, register } from "./harness.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** So many messages of `sender`, written by hand; JSON string literals of `size` characters. */
function fill({ conv, count, size }: { conv: string; count: number; size: number }): string {
  const [sender, reader] = conv.slice(1).split("-");
  return `INSERT INTO conversation (conv) VALUES ('${conv}');
    INSERT INTO progress (userid, conv, joined, delivered, \`read\`)
      VALUES (${sender}, '${conv}', 0, 0, 0), (${reader}, '${conv}', 0, 0, 0);
    INSERT INTO message (conv, seq, sender, mid, kind, body, at)
      SELECT '${conv}', seq, ${sender}, CONCAT('m', seq), 'chat', CONCAT('"', REPEAT('x', ${
    size - 2
  }), '"'), seq
        FROM seq_1_to_${count};`;
}

test("reading: 250 messages of a deleted user and 230 purged ones do not stop a conversation", async () => {
  await using cluster = await Cluster.start();
  const node = await cluster.node();
  const ids = { gone: await register(node, "gone"), bob: await register(node, "bob") };
  const conv = `u${ids.gone}-${ids.bob}`;
  const sql = (text: string) => cluster.db.sql(text, { database: "chat" });
  await sql(fill({ conv, count: 500, size: 3 }));
  await sql(`UPDATE message SET sender = ${ids.bob} WHERE seq > 490;
    DELETE FROM user WHERE id = ${ids.gone};
    DELETE FROM message WHERE seq > 10 AND seq <= 240;`);
  const there = [...range(1, 10), ...range(241, 500)];
  await using bob = await logIn(node, { id: ids.bob, name: "bob" });
  for (const seq of there.filter((seq) => seq <= 490)) {
    const { seq: next, name } = await bob.wire.next(6);
    assertEquals([next, name], [seq, ""]);
  }
  const forward: number[] = [];
  for (let more = true; more;) {
    const page = await bob.wire.ask({ msgid: 20, conv, after: forward.at(-1) ?? 0, limit: 200 }, 21);
    forward.push(...page.messages.map((message: { seq: number }) => message.seq));
    more = page.more;
  }
  assertEquals(forward, there);
  const back: number[] = [];
  for (let more = true; more;) {
    const page = await bob.wire.ask({ msgid: 20, conv, before: back[0] ?? 501, limit: 200 }, 21);
    back.unshift(...page.messages.map((message: { seq: number }) => message.seq));
    more = page.more;
  }
  assertEquals(back, there);
});

test("reading: a friend's message comes within 200 ms while 300 of a stranger, 60 KB each, are caught up", async () => {
  await using cluster = await Cluster.start();
  const node = await cluster.node();
  const ids = { stranger: await register(node, "stranger"), bob: await register(node, "bob") };
  await cluster.db.sql(fill({ conv: `u${ids.stranger}-${ids.bob}`, count: 300, size: 60_000 }), {
    database: "chat",
  });
  await using friend = await join(node, "friend");
  await friend.wire.ask({ msgid: 6, toid: ids.bob, msg: "hi", mid: "m" }, 12);
  const waits: number[] = [];
  // Nothing is confirmed, so each login is sent all of it again.
  for (let n = 1; n <= 3; n++) {
    await using bob = await logIn(node, { id: ids.bob, name: "bob" });
    const began = performance.now();
    await bob.wire.find((frame) => frame.msgid === 6 && frame.id === friend.id, "the friend's message");
    waits.push(performance.now() - began);
    for (const seq of range(1, n === 3 ? 300 : 3)) {
      assertEquals((await bob.wire.find(({ msgid, id }) => msgid === 6 && id === ids.stranger)).seq, seq);
    }
    await bob.wire.ask({ msgid: 3 }, 17);
  }
  const median = waits.sort((a, b) => a - b)[1]!;
  assert(median <= 200, `${median.toFixed()} ms`);
});
