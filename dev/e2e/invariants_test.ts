import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join, logIn, register, TestServer, type User } from "./harness.ts";

/** Sends `count` messages without waiting in between; resolves with the acknowledgements, in order of arrival. */
async function flood(from: User, to: { toid: number } | { groupid: number }, count: number, msg = "x") {
  const msgid = "toid" in to ? 6 : 11;
  for (let i = 1; i <= count; i++) {
    await from.wire.send({ msgid, ...to, msg: `${msg} ${i}`, mid: `${msg.slice(0, 8)}-${i}` });
  }
  const acks = [];
  for (let i = 1; i <= count; i++) acks.push(await from.wire.next(12));
  return acks;
}

const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

Deno.test("I1: what is acknowledged is committed: another process can read it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using server = await TestServer.start(`--db=sqlite:${folder}/chat.db`);
    await using ann = await join(server, "ann");
    using db = new DatabaseSync(`${folder}/chat.db`, { readOnly: true });
    const row = db.prepare("SELECT seq FROM message WHERE sender = ? AND mid = ?");
    for (let i = 1; i <= 200; i++) {
      const { mid, seq } = await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "x", mid: `m${i}` }, 12);
      assertEquals(row.get(ann.id, mid)?.seq, seq);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("I2: seq is contiguous from 1 in each conversation, in commit order, whoever writes at once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using server = await TestServer.start(`--db=sqlite:${folder}/chat.db`);
    const users = [];
    for (const name of ["a", "b", "c", "d"]) users.push(await join(server, name));
    const [a, b, c, d] = users as [User, User, User, User];
    await a.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
    for (const user of [b, c, d]) await user.wire.ask({ msgid: 10, groupid: 1 }, 19);
    await Promise.all([
      ...users.map((user) => flood(user, { groupid: 1 }, 200, "group")),
    ]);
    await Promise.all([
      flood(a, { toid: b.id }, 200),
      flood(b, { toid: a.id }, 200),
      flood(c, { toid: a.id }, 200),
    ]);
    using db = new DatabaseSync(`${folder}/chat.db`, { readOnly: true });
    for (const { conv, seq } of db.prepare("SELECT conv, seq FROM conversation").all()) {
      const rows = db.prepare("SELECT seq FROM message WHERE conv = ? ORDER BY rowid").all(conv ?? "");
      assertEquals(rows.map((row) => Number(row.seq)), oneTo(Number(seq)), `${conv}`);
    }
    for (const user of users) await user.wire[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("I3: a (sender, mid) is stored once, resent at once or later, also to another or after a restart", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const flag = `--db=sqlite:${folder}/chat.db`;
    let first;
    {
      await using server = await TestServer.start(flag);
      await using ann = await join(server, "ann");
      await using bob = await join(server, "bob");
      const message = { msgid: 6, toid: bob.id, msg: "once", mid: "same" };
      for (let i = 0; i < 50; i++) await ann.wire.send(message);
      const acks = [];
      for (let i = 0; i < 50; i++) acks.push(await ann.wire.next(12));
      first = acks[0];
      assertEquals(acks, acks.map(() => first));
      assertEquals(await ann.wire.ask({ ...message, toid: ann.id, msg: "another" }, 12), first);
      assertEquals(
        (await bob.wire.ask({ ...message, toid: ann.id }, 12)).seq,
        2,
        "another sender's mid is another",
      );
      await bob.wire.settle();
      assertEquals(bob.wire.frames.length, 1, "and pushed once");
    }
    await using server = await TestServer.start(flag);
    await using ann = await logIn(server, { id: 1, name: "ann" });
    assertEquals(await ann.wire.ask({ msgid: 6, toid: 2, msg: "once", mid: "same" }, 12), first);
    assertEquals((await ann.wire.ask({ msgid: 20, conv: "u1-2" }, 21)).messages.length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("I4: pushes come in seq order without holes, over logins in the middle and pauses in reading", async () => {
  await using server = await TestServer.start("--max-queue=65536");
  await using ann = await join(server, "ann");
  const id = await register(server, "bob");
  const text = "y".repeat(2000);
  const writing = flood(ann, { toid: id }, 1500, text);
  const seen: number[] = [];
  while (seen.length < 1500) {
    await using bob = await logIn(server, { id, name: "bob" });
    const resume = bob.wire.pause();
    if (seen.length > 200) setTimeout(resume, 20);
    else resume();
    for (let i = 0; i < 300 && seen.length < 1500; i++) {
      const { seq } = await bob.wire.next(6);
      if (seq <= seen.length) continue; // Pushed again, since it was not confirmed before.
      seen.push(seq);
    }
    await bob.wire.send({ msgid: 13, conv: "u1-2", seq: seen.at(-1), kind: "delivered" });
    // Whatever else was pushed is the continuation.
    await bob.wire.ask({ msgid: 3 }, 17);
    const rest = bob.wire.frames.filter(({ msgid }) => msgid === 6).map(({ seq }) => seq);
    assertEquals(rest, rest.map((_, i) => seen.length + 1 + i));
  }
  assertEquals(seen, oneTo(1500));
  await writing;
});

Deno.test("I6: of simultaneous logins exactly one wins", async () => {
  await using server = await TestServer.start();
  const id = await register(server, "ann");
  for (let round = 0; round < 10; round++) {
    const wires = await Promise.all(oneTo(8).map(() => server.connect()));
    const acks = await Promise.all(
      wires.map((wire) => wire.ask({ msgid: 1, v: 2, id, password: "pw ann" }, 2)),
    );
    assertEquals(acks.map((ack) => ack.errno).sort(), [0, 2, 2, 2, 2, 2, 2, 2]);
    for (const wire of wires) await wire[Symbol.asyncDispose]();
    // The server learns of the closed connection in its own time.
    await using probe = await server.connect();
    while ((await probe.ask({ msgid: 1, v: 2, id, password: "pw ann" }, 2)).errno !== 0);
    await probe.ask({ msgid: 3 }, 17);
  }
});

Deno.test("I7: a reader that stalls slows nobody and gets everything when it reads again", async () => {
  await using server = await TestServer.start("--max-queue=65536");
  await using ann = await join(server, "ann");
  await using stalled = await join(server, "stalled");
  await using bob = await join(server, "bob");
  await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  for (const user of [stalled, bob]) await user.wire.ask({ msgid: 10, groupid: 1 }, 19);
  const resume = stalled.wire.pause();
  const text = "z".repeat(20_000);
  for (let i = 1; i <= 1000; i++) {
    await ann.wire.ask({ msgid: 11, groupid: 1, msg: text, mid: `${i}` }, 12);
    assertEquals((await bob.wire.next(11)).seq, i);
  }
  resume();
  for (let i = 1; i <= 1000; i++) assertEquals((await stalled.wire.next(11)).seq, i);
  await stalled.wire.settle();
  assertEquals(stalled.wire.frames, []);
});

Deno.test("I8: the sender is the session, whatever the frame says", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  await using eve = await join(server, "eve", 1);
  await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  const lie = { id: ann.id, from: ann.id, name: "ann", sender: ann.id, time: "2000-01-01 00:00:00" };
  await eve.wire.send({ msgid: 6, ...lie, toid: bob.id, msg: "trust me" });
  const got = await bob.wire.next(6);
  assertEquals([got.id, got.name], [eve.id, "eve"]);
  assert(got.time > "2020");
  await eve.wire.send({ msgid: 7, ...lie, friendid: bob.id });
  assertEquals((await bob.wire.next(7)).from, eve.id);
  await eve.wire.send({ msgid: 11, ...lie, groupid: 1, msg: "x" });
  assertEquals((await eve.wire.next(16)).errno, 105);
  await eve.wire.send({ msgid: 3, ...lie });
  await ann.wire.settle();
  assertEquals((await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "still in", mid: "1" }, 12)).seq, 1);
});
