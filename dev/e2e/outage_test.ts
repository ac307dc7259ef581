import { assert, assertEquals } from "@std/assert";
import { Cluster, needsServices } from "./cluster.ts";
import { join, logIn, type User } from "./harness.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });

/** Sends until it is acknowledged, as a client does; says how long that took and how often it was refused. */
async function insist(from: User, frame: { toid: number; mid: string }) {
  const began = Date.now();
  for (let refused = 0;; refused++) {
    const answer = await from.wire.ask({ msgid: 6, msg: frame.mid, ...frame }, 12, 16);
    if (answer.msgid === 12) return { ms: Date.now() - began, refused, seq: answer.seq };
    assertEquals([answer.errno, answer.mid], [108, frame.mid]);
    assert(answer.retry_ms > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("I1: MariaDB killed and back: 108 meanwhile, sessions stay, service resumes by itself within 5 s", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  await insist(ann, { toid: bob.id, mid: "before" });
  assertEquals((await bob.wire.next(6)).msg, "before");
  await cluster.db.kill("SIGKILL");
  for (const mid of ["a", "b", "c"]) {
    const began = Date.now();
    const answer = await ann.wire.ask({ msgid: 6, toid: bob.id, msg: mid, mid }, 12, 16);
    assertEquals([answer.msgid, answer.errno], [16, 108]);
    assert(Date.now() - began < 5000, `answered after ${Date.now() - began} ms`);
  }
  assertEquals((await bob.wire.ask({ msgid: 20, conv: "u1-2" }, 16)).errno, 108);
  // Longer than the leases live.
  await new Promise((resolve) => setTimeout(resolve, 6000));
  assertEquals((await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "d", mid: "d" }, 16)).errno, 108);
  await cluster.db.start();
  const back = Date.now();
  const { seq } = await insist(ann, { toid: bob.id, mid: "a" });
  assertEquals(seq, 2);
  assertEquals((await bob.wire.next(6)).msg, "a");
  assert(Date.now() - back < 5000, `resumed after ${Date.now() - back} ms`);
  await insist(bob, { toid: ann.id, mid: "answer" });
  assertEquals((await ann.wire.next(6)).msg, "answer");
  assertEquals([one.sessions, two.sessions], [1, 1], "nobody had to log in again");
});

test("I1, I3: MariaDB killed during commits: an unknown outcome is looked up, nothing is lost or stored twice", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob", 1);
  const acknowledged: number[] = [];
  let ended = false;
  const writing = (async () => {
    for (let i = 0; !ended; i++) acknowledged.push((await insist(ann, { toid: bob.id, mid: `m${i}` })).seq);
  })();
  const talking = (async () => {
    // v1 sends no mid: what it is not refused is stored once.
    while (!ended) {
      await bob.wire.send({ msgid: 6, id: bob.id, toid: ann.id, msg: "old" });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await cluster.db.kill("SIGKILL");
    await cluster.db.start();
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  ended = true;
  await Promise.all([writing, talking]);
  const sql = (query: string) => cluster.db.sql(query, { database: "chat" });
  const [count, newest] = (await sql("SELECT COUNT(*), MAX(seq) FROM message WHERE conv = 'u1-2'")).trim()
    .split("\t");
  assertEquals(count, newest, "no holes");
  const mine = await sql("SELECT COUNT(*) FROM message WHERE sender = 1");
  assertEquals(Number(mine), acknowledged.length);
  assertEquals(new Set(acknowledged).size, acknowledged.length);
});

test("a MariaDB that hangs: requests are answered by 108 in time, and it goes on when it wakes", async () => {
  await using cluster = await Cluster.start();
  const one = await cluster.node();
  await using ann = await join(one, "ann");
  cluster.db.pause();
  const began = Date.now();
  const answer = await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "x", mid: "x" }, 12, 16);
  assertEquals(answer.errno, 108);
  assert(Date.now() - began < 9000, `answered after ${Date.now() - began} ms`);
  cluster.db.resume();
  await insist(ann, { toid: ann.id, mid: "x" });
});

test("10,000 resends of 1,000 mids, on two nodes at once and over a restart of both: 1,000 are stored", async () => {
  await using cluster = await Cluster.start();
  const names = ["ann", "bob"];
  for (let life = 0; life < 2; life++) {
    const nodes = [await cluster.node(), await cluster.node()];
    const [ann, bob] = life === 0
      ? [await join(nodes[0]!, names[0]!), await join(nodes[1]!, names[1]!)]
      : [await logIn(nodes[1]!, { id: 1, name: "ann" }), await logIn(nodes[0]!, { id: 2, name: "bob" })];
    await Promise.all([[ann, bob], [bob, ann]].map(async ([from, to]) => {
      for (let i = 0; i < 2500; i++) {
        await from!.wire.send({ msgid: 6, toid: to!.id, msg: "again", mid: `m${(i * 7) % 500}` });
      }
      for (let i = 0; i < 2500; i++) await from!.wire.next(12);
    }));
    for (const user of [ann, bob]) await user!.wire[Symbol.asyncDispose]();
    for (const node of nodes) await node.stop();
  }
  const rows = await cluster.db.sql("SELECT COUNT(*), MAX(seq) FROM message", { database: "chat" });
  assertEquals(rows.trim(), "1000\t1000");
});
