import { assert, assertEquals } from "@std/assert";
import { join, logIn, register, type User } from "./harness.ts";
import { onEveryPair } from "./worlds.ts";

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

onEveryPair("I1: what is acknowledged is committed: another program can read it", async (world) => {
  const [one] = await world.start();
  await using ann = await join(one, "ann");
  for (const i of oneTo(30)) {
    const { mid, seq } = await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "x", mid: `m${i}` }, 12);
    assertEquals(await world.query(`SELECT seq FROM message WHERE mid = '${mid}'`), [[`${seq}`]]);
  }
});

onEveryPair("I2: seq is contiguous from 1 in each conversation, whoever writes at once", async (world) => {
  const nodes = await world.start();
  const users: User[] = [];
  for (const i of oneTo(4)) users.push(await join(nodes[i % 2]!, `user ${i}`));
  const [a, b, c, d] = users as [User, User, User, User];
  await a.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  for (const user of [b, c, d]) await user.wire.ask({ msgid: 10, groupid: 1 }, 19);
  const acks = await Promise.all(users.map((user) => flood(user, { groupid: 1 }, 200, "group")));
  const pairs = await Promise.all([
    flood(a, { toid: b.id }, 200),
    flood(b, { toid: a.id }, 200),
    flood(c, { toid: a.id }, 200),
  ]);
  const rows = await world.query(
    "SELECT conv, COUNT(*), MIN(seq), MAX(seq) FROM message GROUP BY conv ORDER BY conv",
  );
  assertEquals(rows, [["g1", "800", "1", "800"], ["u1-2", "400", "1", "400"], ["u1-3", "200", "1", "200"]]);
  const seqs = acks.flat().map((ack) => ack.seq).sort((x, y) => x - y);
  assertEquals(seqs, oneTo(800), "each number was given once");
  for (const stream of [...acks, ...pairs]) {
    const own = stream.map((ack) => ack.seq);
    assertEquals(own, own.toSorted((x, y) => x - y), "a sender's messages keep their order");
  }
  for (const user of users) await user.wire[Symbol.asyncDispose]();
});

onEveryPair(
  "I3: a (sender, mid) is stored once: resent at once, to another, from another node, after a restart",
  async (world) => {
    let first;
    {
      const [one, two] = await world.start();
      await using ann = await join(one, "ann");
      await using bob = await join(two, "bob");
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
      assertEquals((await bob.wire.next(6)).seq, 1);
      await bob.wire.settle();
      assertEquals(bob.wire.frames, [], "pushed once");
      await ann.wire.ask({ msgid: 3 }, 17);
      await using elsewhere = await logIn(two, { id: ann.id, name: "ann" });
      assertEquals(await elsewhere.wire.ask(message, 12), first);
    }
    await world.stop();
    const [, two] = await world.start();
    await using ann = await logIn(two, { id: 1, name: "ann" });
    assertEquals(await ann.wire.ask({ msgid: 6, toid: 2, msg: "once", mid: "same" }, 12), first);
    assertEquals(await world.query("SELECT COUNT(*) FROM message"), [["2"]]);
  },
);

onEveryPair(
  "I4: pushes come in seq order without holes, over logins in the middle and pauses in reading",
  async (world) => {
    const nodes = await world.start("--max-queue=65536");
    await using ann = await join(nodes[0], "ann");
    const id = await register(nodes[0], "bob");
    const writing = flood(ann, { toid: id }, 1500, "y".repeat(2000));
    const seen: number[] = [];
    for (let login = 0; seen.length < 1500; login++) {
      await using bob = await logIn(nodes[login % 2]!, { id, name: "bob" });
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
  },
);

onEveryPair("I6: of simultaneous logins exactly one wins", async (world) => {
  const nodes = await world.start();
  const id = await register(nodes[0], "ann");
  const login = { msgid: 1, v: 2, id, password: "pw ann" };
  for (let round = 0; round < 10; round++) {
    const wires = await Promise.all(oneTo(8).map((i) => nodes[i % 2]!.connect()));
    const acks = await Promise.all(wires.map((wire) => wire.ask(login, 2)));
    assertEquals(acks.map((ack) => ack.errno).sort(), [0, 2, 2, 2, 2, 2, 2, 2]);
    for (const wire of wires) await wire[Symbol.asyncDispose]();
    // The server learns of the closed connection in its own time.
    await using probe = await nodes[0].connect();
    while ((await probe.ask(login, 2)).errno !== 0);
    await probe.ask({ msgid: 3 }, 17);
  }
});

onEveryPair(
  "I7: a reader that stalls slows nobody and gets everything when it reads again",
  async (world) => {
    const [one, two] = await world.start("--max-queue=65536");
    await using ann = await join(one, "ann");
    await using stalled = await join(two, "stalled");
    await using bob = await join(two, "bob");
    await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
    for (const user of [stalled, bob]) await user.wire.ask({ msgid: 10, groupid: 1 }, 19);
    const resume = stalled.wire.pause();
    const text = "z".repeat(20_000);
    for (let i = 1; i <= 500; i++) {
      await ann.wire.ask({ msgid: 11, groupid: 1, msg: text, mid: `${i}` }, 12);
      assertEquals((await bob.wire.next(11)).seq, i);
    }
    resume();
    for (let i = 1; i <= 500; i++) assertEquals((await stalled.wire.next(11)).seq, i);
    await stalled.wire.settle();
    assertEquals(stalled.wire.frames, []);
  },
);

onEveryPair("I8: the sender is the session, whatever the frame says", async (world) => {
  const [one, two] = await world.start();
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  await using eve = await join(one, "eve", 1);
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
