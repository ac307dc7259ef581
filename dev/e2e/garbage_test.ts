import { assert, assertEquals } from "@std/assert";
import { Cluster, needsServices } from "./cluster.ts";
import { GarbageProxy } from "./garbage_proxy.ts";
import { join, type User } from "./harness.ts";
import { ServerProcess } from "./server_process.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });

const text = (what: string) => new TextEncoder().encode(what);
const bytes = (...what: number[]) => new Uint8Array(what);
const random = (size: number, seed: number) =>
  Uint8Array.from({ length: size }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 24) & 255);

/**
 * What no MySQL says at that point. An OK is not among it: a node has to believe that. A packet is a length of three bytes, a
 * number, and that many bytes.
 */
const FOR_MYSQL = [
  text("HTTP/1.1 400 Bad Request\r\n\r\n"),
  random(3000, 7),
  // An error without a message, an end, a handshake, a result of 250 columns, an empty packet.
  bytes(3, 0, 0, 0, 255, 21, 4),
  bytes(5, 0, 0, 3, 254, 0, 0, 2, 0),
  bytes(2, 0, 0, 0, 10, 53),
  bytes(1, 0, 0, 1, 250),
  bytes(0, 0, 0, 0),
];

/** What no Redis says at that point. */
const FOR_REDIS = [
  text("HTTP/1.1 400 Bad Request\r\n\r\n"),
  random(3000, 11),
  text("+OK\r\n"),
  text("-ERR what\r\n"),
  text(":1\r\n:2\r\n:3\r\n"),
  text("*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$-1\r\n"),
  text("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"),
  text("*-1\r\n*0\r\n$5\r\nab"),
];

/** Sends until it is acknowledged. */
async function insist(from: User, frame: { toid: number; mid: string }): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    const answer = await from.wire.ask({ msgid: 6, msg: frame.mid, ...frame }, 12, 16);
    if (answer.msgid === 12) return;
    assertEquals(answer.errno, 108);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${frame.mid} was never acknowledged`);
}

test("garbage from the database, idle and among answers, ends no process, and it goes on afterwards", async () => {
  await using cluster = await Cluster.start();
  await using proxy = new GarbageProxy(cluster.db.port);
  const url = cluster.db.url.replace(`:${cluster.db.port}/`, `:${proxy.port}/`);
  await using node = await ServerProcess.start(`--db=${url}`, `--redis=${cluster.redis.url}`);
  await using ann = await join(node, "ann");
  await using bob = await join(node, "bob");
  for (const [i, garbage] of FOR_MYSQL.entries()) {
    await proxy.inject(garbage);
    await insist(ann, { toid: bob.id, mid: `idle${i}` });
    proxy.spoil(garbage);
    await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "x", mid: `spoiled${i}` }, 12, 16);
    proxy.spoil(undefined);
    await insist(ann, { toid: bob.id, mid: `spoiled${i}` });
  }
  const missing = new Set(FOR_MYSQL.flatMap((_, i) => [`idle${i}`, `spoiled${i}`]));
  while (missing.size > 0) missing.delete((await bob.wire.next(6)).mid);
  const rows = await cluster.db.sql("SELECT COUNT(DISTINCT mid), MAX(seq) FROM message", {
    database: "chat",
  });
  assertEquals(rows, `${2 * FOR_MYSQL.length}\t${2 * FOR_MYSQL.length}`);
  const { code, log } = await node.end("SIGTERM");
  assertEquals(code, 0, log);
});

test("garbage from Redis, at any time, ends no process, and messages cross by Redis again", async () => {
  await using cluster = await Cluster.start();
  await using proxy = new GarbageProxy(cluster.redis.port);
  const redis = cluster.redis.url.replace(`:${cluster.redis.port}`, `:${proxy.port}`);
  await using one = await ServerProcess.start(`--db=${cluster.db.url}`, `--redis=${redis}`);
  await using two = await ServerProcess.start(`--db=${cluster.db.url}`, `--redis=${redis}`);
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  for (const [i, garbage] of FOR_REDIS.entries()) {
    await proxy.inject(garbage);
    await insist(ann, { toid: bob.id, mid: `idle${i}` });
    proxy.spoil(garbage);
    await insist(ann, { toid: bob.id, mid: `spoiled${i}` });
    await new Promise((resolve) => setTimeout(resolve, 700));
    proxy.spoil(undefined);
    await insist(ann, { toid: bob.id, mid: `after${i}` });
    for (let n = 0; n < 3; n++) await bob.wire.next(6);
  }
  // By Redis again: ten in a row within less than polling takes.
  const deadline = Date.now() + 20_000;
  for (let fast = 0, n = 0; fast < 10; n++) {
    assert(Date.now() < deadline, "messages do not cross by Redis any more");
    await insist(ann, { toid: bob.id, mid: `fast${n}` });
    const began = Date.now();
    await bob.wire.next(6);
    fast = Date.now() - began < 150 ? fast + 1 : 0;
  }
  for (const node of [one, two]) {
    const { code, log } = await node.end("SIGTERM");
    assertEquals(code, 0, log);
  }
});
