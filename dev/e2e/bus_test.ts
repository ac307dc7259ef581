import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { createClient } from "redis";
import { startRedis } from "../services.ts";
import { Cluster, needsServices } from "./cluster.ts";
import { join, type User } from "./harness.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });

/** How long a message may take to the other node when the bus does not carry it, in ms; and what this machine adds. */
const CROSSING = 2000;
const SLACK = 1500;

/** Writes from one to the other and gives how long it took to arrive, in ms. */
async function crossing(from: User, to: User, mid: string): Promise<number> {
  const began = performance.now();
  await from.wire.ask({ msgid: 6, toid: to.id, msg: mid, mid }, 12);
  await to.wire.find((frame) => frame.msgid === 6 && frame.mid === mid, mid);
  return performance.now() - began;
}

/** What a line of the log says under a name. */
const named = (field: string) => (line: string) => line.match(` ${field}=(\\S+)`)?.[1] ?? line;

test("bus: I5: two nodes with two Redis servers hear nothing of each other, and messages cross within 2 s", async () => {
  await using cluster = await Cluster.start();
  await using redis = await startRedis();
  const [one, two] = [await cluster.node(), await cluster.node(`--redis=${redis.url}`)];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  for (let i = 0; i < 5; i++) {
    for (const [from, to] of [[ann, bob], [bob, ann]] as const) {
      const took = await crossing(from, to, `${from.name}-${i}`);
      assert(took < CROSSING + SLACK, `${took.toFixed()} ms`);
    }
  }
  for (const [{ log }, other] of [[one, two], [two, one]] as const) {
    const deaf = log.filter((line) => line.includes("does not hear"));
    assertEquals(
      deaf.map(named("silent")),
      other.log.filter((line) => line.includes("part of")).map(named("node")),
    );
  }
});

test("bus: two clusters use one Redis, and nothing crosses", async () => {
  await using one = await Cluster.start();
  await using two = await Cluster.start();
  const redis = `--redis=${one.redis.url}`;
  const [here, there] = [await one.node(), await two.node(redis)];
  // The same ids in both.
  await using ann = await join(here, "ann");
  await using bob = await join(here, "bob");
  await using eve = await join(there, "eve");
  await using joe = await join(there, "joe");
  assertEquals([eve.id, joe.id], [ann.id, bob.id]);
  for (const user of [ann, eve]) await user.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  for (const user of [bob, joe]) await user.wire.ask({ msgid: 10, groupid: 1 }, 19);
  await crossing(ann, bob, "to-bob");
  await ann.wire.ask({ msgid: 11, groupid: 1, msg: "to the group", mid: "g" }, 12);
  await bob.wire.next(11);
  await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 1, kind: "read" });
  await ann.wire.next(13);
  // Whatever was published before has arrived by the time that this has.
  await crossing(eve, joe, "to-joe");
  assertEquals([...eve.wire.frames, ...joe.wire.frames], []);
  assertEquals([here.log, there.log].flat().filter((line) => line.includes("signed")), []);
});

test("bus: forged, unsigned and absurd envelopes on the real channels: nothing is shown, nobody is ended", async () => {
  await using cluster = await Cluster.start();
  const node = await cluster.node();
  await using ann = await join(node, "ann");
  await using bob = await join(node, "bob");
  await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  const [name, log] = (await cluster.db.sql("SELECT name, log FROM cluster", { database: "chat" })).split(
    "\t",
  );
  const session = await cluster.db.sql(`SELECT session FROM session WHERE userid = ${ann.id}`, {
    database: "chat",
  });
  const message = {
    conv: "u1-2",
    seq: 1,
    kind: "chat",
    sender: 2,
    senderName: "bob",
    mid: "forged",
    body: '"forged"',
    at: 1,
  };
  const sealed = (envelope: unknown) => "a".repeat(32) + JSON.stringify({ node: "x", log, envelope });
  const payloads: (string | Uint8Array)[] = [
    "",
    "{}",
    "[]",
    "null",
    "a".repeat(32),
    JSON.stringify({ type: "message", node: "x", message }),
    JSON.stringify({ type: "evict", session }),
    JSON.stringify({ type: "reply", reply: { msgid: 22, reason: "ended", reconnect_ms: 0 } }),
    sealed({ type: "message", message }),
    sealed({ type: "message", message: { ...message, seq: 1e300 } }),
    sealed({ type: "message", message: { ...message, seq: -1 } }),
    sealed({ type: "message", message: { ...message, conv: "__proto__" } }),
    sealed({ type: "message", message: { ...message, body: "{" } }),
    sealed({ type: "message", message: { ...message, conv: "g1" } }),
    sealed({ type: "evict", session }),
    sealed({ type: "reply", reply: { msgid: 13, id: 2, conv: "u1-2", seq: 1, kind: "read" } }),
    sealed({ type: "reply", reply: { msgid: 2, errno: 0, id: 1, name: "x" } }),
    sealed({ type: "look" }),
    sealed({ type: "beat" }),
    sealed({ type: "shutdown" }),
    "[".repeat(100_000),
    "\0".repeat(1000),
    new Uint8Array([0xff, 0xfe, 0x80, 0x00, 0xc0]),
    "x".repeat(10_000_000),
  ];
  assert(payloads.length >= 20);
  const client = createClient({ url: cluster.redis.url });
  await client.connect();
  try {
    for (const channel of ["user:1", "user:2", "group:1", "nodes", "nobody"]) {
      for (const payload of payloads) {
        const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
        await client.publish(`chat:${name}:${channel}`, bytes as string);
      }
    }
  } finally {
    await client.quit();
  }
  // What is real still arrives, and is all that arrives.
  await crossing(ann, bob, "real");
  await crossing(bob, ann, "real-too");
  assertEquals([...ann.wire.frames, ...bob.wire.frames], []);
  assertEquals(node.log.filter((line) => line.includes("signed")).length, 1);
  assertEquals(await cluster.db.sql("SELECT COUNT(*) FROM message", { database: "chat" }), "2");
});

test("bus: I5: a Redis that hangs: messages cross within 2 s, logins work, and it goes on when Redis does", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  await crossing(ann, bob, "before");
  cluster.redis.pause();
  await using carl = await join(two, "carl");
  for (const [from, to] of [[ann, bob], [bob, ann], [ann, carl]] as const) {
    const took = await crossing(from, to, `${from.name}-${to.name}`);
    assert(took < CROSSING + SLACK, `${took.toFixed()} ms`);
  }
  cluster.redis.resume();
  await crossing(carl, ann, "after");
});

test("bus: a node that joins is heard at once, and nobody warns of it", async () => {
  await using cluster = await Cluster.start();
  const nodes = [await cluster.node()];
  await using ann = await join(nodes[0]!, "ann");
  for (const _ of [1, 2]) {
    nodes.push(await cluster.node());
    // Each node has asked the store who is there, and waited as long as it may take to be silent.
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
  await using bob = await join(nodes[2]!, "bob");
  await crossing(ann, bob, "hello");
  assertEquals(nodes.flatMap(({ log }) => log).filter((line) => line.includes("does not hear")), []);
});
