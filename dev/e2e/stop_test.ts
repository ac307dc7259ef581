import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, needsServices } from "./cluster.ts";
import { join } from "./harness.ts";
import { freePort } from "../services/port.ts";
import { within } from "../services/process.ts";
import { serverCommand, ServerProcess } from "./server_process.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Starts a server that will not get as far as listening, and ends it; how long that took, in ms. */
async function endWhileStarting(flags: readonly string[], signal: Deno.Signal) {
  const { command, args } = serverCommand(["--port=0", "--log-level=debug", ...flags]);
  const child = new Deno.Command(command, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const logging = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  // From then on it handles signals; it would wait for ten minutes.
  while (!log.includes("starting")) {
    const { value, done } = await logging.read();
    assert(!done, log);
    log += value;
  }
  const began = Date.now();
  child.kill(signal);
  for (let more = await logging.read(); !more.done; more = await logging.read()) log += more.value;
  const { code } = await child.status;
  const out = await new Response(child.stdout).text();
  return { code, took: Date.now() - began, out, log };
}

test("stop: a signal while waiting for MySQL, for Redis, or for another node that migrates ends it at once", async () => {
  await using cluster = await Cluster.start();
  using nobody = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await cluster.db.sql("CREATE DATABASE chat_locked");
  const lock = cluster.db.sql("SELECT GET_LOCK('chat-cluster chat_locked', 0), SLEEP(600)").catch(() =>
    "killed"
  );
  const wait = "--wait=600";
  const cases: [string, string[], Deno.Signal][] = [
    ["no MySQL", [wait, `--db=mysql://chat:secret@127.0.0.1:${freePort()}/chat`], "SIGTERM"],
    ["a silent MySQL", [wait, `--db=mysql://chat:secret@127.0.0.1:${nobody.addr.port}/chat`], "SIGINT"],
    ["no Redis", [wait, `--db=${cluster.db.url}`, `--redis=redis://127.0.0.1:${freePort()}`], "SIGHUP"],
    ["migrating", [wait, `--db=${cluster.db.url.replace(/chat$/, "chat_locked")}`], "SIGTERM"],
  ];
  await Promise.all(cases.map(async ([what, flags, signal]) => {
    const { code, took, out, log } = await endWhileStarting(flags, signal);
    assertEquals([code, out], [0, ""], `${what}: ${log}`);
    assertMatch(log, /stopped while starting/, what);
    assert(took < 2000, `${what}: ${took} ms`);
  }));
  await cluster.db.kill();
  await lock;
});

Deno.test("stop: each of the signals stops cleanly; clients are told, few of them to come back at once", async () => {
  for (const signal of SIGNALS) {
    const server = await ServerProcess.start("--db=sqlite::memory:");
    await using ann = await join(server, "ann");
    await using bob = await join(server, "bob");
    const began = Date.now();
    const ended = server.end(signal);
    for (const { wire } of [ann, bob]) {
      const goodbye = await wire.next(22);
      assertEquals(goodbye.reason, "stopping");
      assert(goodbye.reconnect_ms < 500, `${goodbye.reconnect_ms}`);
      await wire.gone();
      wire.close();
    }
    const { code, log } = await ended;
    assertEquals(code, 0, log);
    assert(!log.includes(" warn "), log);
    assert(Date.now() - began < 3000, `${Date.now() - began} ms`);
  }
});

/** A node with a user on it that stops while `freeze` has made something hang. */
async function stopWhileHanging(
  cluster: Cluster,
  { drain, freeze }: { drain: number; freeze: () => void },
): Promise<{ code: number; took: number; log: string; reason: unknown }> {
  const node = await cluster.process(`--drain-seconds=${drain}`);
  await using ann = await join(node, `ann${drain}`);
  await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "x", mid: "x" }, 12);
  await ann.wire.send({ msgid: 13, conv: `u${ann.id}-${ann.id}`, seq: 1, kind: "delivered" });
  await ann.wire.settle();
  freeze();
  const began = Date.now();
  const ended = node.end("SIGTERM");
  const { reason } = await ann.wire.next(22);
  await ann.wire.gone();
  ann.wire.close();
  const { code, log } = await ended;
  return { code, took: Date.now() - began, log, reason };
}

test("stop: with a database that hangs it is gone within --drain-seconds and 5 s, and says what it left", async () => {
  for (const drain of [0, 2]) {
    await using cluster = await Cluster.start();
    const { code, took, log, reason } = await stopWhileHanging(cluster, {
      drain,
      freeze: () => cluster.db.pause(),
    });
    assertEquals([code, reason], [0, "stopping"], log);
    assert(took < drain * 1000 + 5000, `${took} ms`);
    assertMatch(log, /warn +stopping: could not give the leases back/);
    assert(!log.includes(" defect "), log);
    cluster.db.resume();
  }
});

test("stop: with a Redis that hangs it is gone in time, and the leases are given back", async () => {
  await using cluster = await Cluster.start();
  const { code, took, log, reason } = await stopWhileHanging(cluster, {
    drain: 0,
    freeze: () => cluster.redis.pause(),
  });
  assertEquals([code, reason], [0, "stopping"], log);
  assert(took < 5000, `${took} ms`);
  const left = () =>
    cluster.db.sql("SELECT userid FROM session UNION SELECT id FROM node", { database: "chat" });
  assertEquals(await left(), "");
  const cursors = await cluster.db.sql("SELECT delivered FROM progress", { database: "chat" });
  assertEquals(cursors, "1");
  cluster.redis.resume();
});

test("stop: a second signal ends it at once, also while a database hangs", async () => {
  await using cluster = await Cluster.start();
  const node = await cluster.process("--drain-seconds=60");
  await using ann = await join(node, "ann");
  cluster.db.pause();
  const began = Date.now();
  Deno.kill(node.pid, "SIGTERM");
  await ann.wire.next(22);
  await within(1000, () => Date.now() - began > 700);
  assertEquals((await node.end("SIGTERM")).code, 130);
  assert(Date.now() - began < 4000, `${Date.now() - began} ms`);
  cluster.db.resume();
});
