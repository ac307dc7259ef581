import { assert, assertEquals, assertRejects } from "@std/assert";
import { SearchThread } from "../../server/stores/sqlite/search_thread.ts";
import { join, type User } from "./harness.ts";
import { ServerProcess } from "./server_process.ts";
import { onEveryPair } from "./worlds.ts";

// A thread of a program that is not built is type-checked when it begins, once, which can take longer than a test waits.
{
  const thread = new SearchThread({ path: ":memory:", durability: "normal" });
  await assertRejects(() => thread.find({ user: 1, text: "xx", limit: 1 }), Error, "no such table");
  await thread.close();
}

const search = async (user: User, fields: object) =>
  await user.wire.ask({ msgid: 32, rid: "s", ...fields }, 24, 16);

onEveryPair("search: what was said on one node is found on the other, and nothing else is", async (world) => {
  const [one, other] = await world.start();
  await using ann = await join(one, "ann");
  await using bob = await join(other, "bob");
  await using eve = await join(other, "eve");
  const say = async (what: object, mid: string) => await ann.wire.ask({ mid, ...what }, 12);
  const said = await say({ msgid: 6, toid: bob.id, msg: "昨天王芳来了" }, "a");
  await say({ msgid: 6, toid: bob.id, msg: 'Say "100%_\\o/" 👍' }, "b");
  const { groupid } = await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  await say({ msgid: 11, groupid, msg: "before eve: 王芳" }, "c");
  await eve.wire.ask({ msgid: 10, groupid }, 19);
  await say({ msgid: 11, groupid, msg: "after eve: 王芳" }, "d");

  const texts = async (user: User, fields: object) => {
    const answer = await search(user, fields);
    assertEquals([answer.msgid, answer.ref, answer.rid, answer.more], [24, 32, "s", false]);
    return answer.found.map(({ msg }: { msg: string }) => msg);
  };
  assertEquals(await texts(bob, { q: "王芳" }), ["昨天王芳来了"]);
  assertEquals(await texts(eve, { q: "王芳" }), ["after eve: 王芳"]);
  assertEquals(await texts(ann, { q: "王芳" }), ["after eve: 王芳", "before eve: 王芳", "昨天王芳来了"]);
  assertEquals(await texts(ann, { q: "王芳", conv: `g${groupid}` }), ["after eve: 王芳", "before eve: 王芳"]);
  assertEquals(await texts(ann, { q: "王芳", before: said.at }), []);
  for (const q of ["SAY", '"100', "%_", "_\\o", "\\o/", " 👍"]) {
    assertEquals(await texts(bob, { q }), ['Say "100%_\\o/" 👍'], q);
  }
  for (const q of ["s%y", "s_y", "1OO", " 👎", "' OR 1 --"]) assertEquals(await texts(bob, { q }), [], q);

  const { found: [frame] } = await search(bob, { q: "王芳" });
  const { messages: [same] } = await bob.wire.ask({
    msgid: 20,
    conv: said.conv,
    after: said.seq - 1,
    limit: 1,
  }, 21);
  assertEquals(frame, same, "as HISTORY gives it");
});

onEveryPair("search: edited and recalled texts are found as they stand", async (world) => {
  const [one, other] = await world.start();
  await using ann = await join(one, "ann");
  await using bob = await join(other, "bob");
  const { conv, seq } = await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "an old pelican", mid: "a" }, 12);
  await ann.wire.ask({ msgid: 25, conv, kind: "react", ref: seq, emoji: "👍", on: true, mid: "r" }, 12);
  await ann.wire.ask({ msgid: 25, conv, kind: "edit", ref: seq, msg: "a flamingo", mid: "e" }, 12);
  assertEquals((await search(bob, { q: "pelican" })).found, []);
  const { found } = await search(bob, { q: "FLAMINGO" });
  assertEquals(found.length, 1);
  assertEquals([found[0].msg, found[0].seq, found[0].reactions], ["a flamingo", seq, { "👍": [ann.id] }]);
  assert(found[0].edited > 0);
  await ann.wire.ask({ msgid: 25, conv, kind: "recall", ref: seq, mid: "x" }, 12);
  assertEquals((await search(bob, { q: "flamingo" })).found, []);
});

onEveryPair("search: page after page, as long as there is more, within the longest frame", async (world) => {
  const [one, other] = await world.start("--max-frame=4096");
  await using ann = await join(one, "ann");
  await using bob = await join(other, "bob");
  const numbers = Array.from({ length: 60 }, (_, i) => i);
  for (const n of numbers) {
    await ann.wire.send({
      msgid: 6,
      toid: bob.id,
      msg: `heron ${n} ${"…".repeat(n % 7 === 0 ? 900 : 1)}`,
      mid: `m${n}`,
    });
  }
  for (const _ of numbers) await ann.wire.next(12);
  const found: number[] = [];
  let pages = 0;
  let before: string | undefined;
  for (;; pages++) {
    const answer = await search(bob, { q: "heron", limit: 50, ...before !== undefined && { before } });
    found.push(...answer.found.map(({ msg }: { msg: string }) => Number(msg.split(" ")[1])));
    assertEquals(answer.more, answer.before !== undefined);
    if (!answer.more) break;
    before = answer.before;
  }
  assertEquals(found, numbers.toReversed());
  assert(pages > 5);
  assert(bob.wire.raw.every((text) => new TextEncoder().encode(text).length <= 4096));
});

onEveryPair("search: what is refused, and how", async (world) => {
  const [one, other] = await world.start();
  await using ann = await join(one, "ann");
  await using bob = await join(other, "bob");
  await using eve = await join(other, "eve");
  const { groupid } = await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  const refused = async (fields: object) => {
    const answer = await search(eve, fields);
    return [answer.msgid, answer.errno, answer.ref, answer.rid];
  };
  assertEquals(await refused({ q: "xx", conv: `u${ann.id}-${bob.id}` }), [16, 109, 32, "s"]);
  assertEquals(await refused({ q: "xx", conv: `g${groupid}` }), [16, 105, 32, "s"]);
  assertEquals(await refused({ q: "xx", conv: `g${groupid + 1}` }), [16, 104, 32, "s"]);
  for (const q of ["x", "", "👍", "\ud83dxx", 7, null]) {
    assertEquals(await refused({ q }), [16, 100, 32, "s"]);
  }
  assertEquals(await refused({ q: "王".repeat(101) }), [16, 107, 32, "s"]);
  assertEquals((await search(eve, { q: "👍".repeat(100) })).msgid, 24);
  for (const limit of [0, 51]) assertEquals(await refused({ q: "xx", limit }), [16, 100, 32, "s"]);
  for (const before of ["x", -1, true, "i1; DROP"]) {
    assertEquals(await refused({ q: "xx", before }), [16, 100, 32, "s"]);
  }
  // The second one comes while the first one is under way.
  await eve.wire.send({ msgid: 32, q: "xx", rid: "1" }, { msgid: 32, q: "xx", rid: "2" });
  const answers = [await eve.wire.next(24, 16), await eve.wire.next(24, 16)];
  assertEquals(answers.map(({ rid, errno }) => [rid, errno]).sort(), [["1", undefined], ["2", 106]]);
  await using v1 = await join(one, "old", 1);
  assertEquals((await v1.wire.ask({ msgid: 32, q: "xx" }, 16)).errno, 101);
});

onEveryPair("search: --search off refuses it", async (world) => {
  const [one] = await world.start("--search=off");
  await using ann = await join(one, "ann");
  const { errno, errmsg } = await search(ann, { q: "xx" });
  assertEquals([errno, errmsg], [109, "searching is turned off on this server"]);
});

Deno.test("search: the executable searches on its own thread, and after a restart", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const round of [1, 2]) {
      await using server = await ServerProcess.start(`--db=sqlite:${folder}/chat.db`);
      await using ann = await join(server, `ann ${round}`);
      await ann.wire.ask({ msgid: 6, toid: ann.id, msg: `王芳 ${round}`, mid: "m" }, 12);
      const { found } = await search(ann, { q: "王芳" });
      assertEquals(found.map(({ msg }: { msg: string }) => msg), [`王芳 ${round}`]);
      assertEquals((await server.end("SIGTERM")).code, 0);
    }
    const left = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    assertEquals(left, ["chat.db"], "the last connection brought everything into one file");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
