import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join, logIn, register, TestServer } from "./harness.ts";
import { ServerProcess } from "./server_process.ts";
import { Wire } from "./wire.ts";

/** Closes so that the other side gets a reset rather than an end. */
async function reset(wire: Wire): Promise<void> {
  wire.close();
  await wire[Symbol.asyncDispose]();
}

Deno.test("a client that leaves with a backlog half read does not stop the server", async () => {
  await using server = await TestServer.start("--max-queue=65536");
  await using ann = await join(server, "ann");
  const id = await register(server, "bob");
  for (let i = 0; i < 60; i++) {
    await ann.wire.ask({ msgid: 6, toid: id, msg: "x".repeat(40_000), mid: `${i}` }, 12);
  }
  for (let round = 0; round < 5; round++) {
    const bob = await logIn(server, { id, name: "bob" });
    bob.wire.pause();
    await reset(bob.wire);
    await ann.wire.settle();
  }
});

Deno.test("stop: under load and with clients that do not read, every request is answered or refused, and it ends", async () => {
  const server = await ServerProcess.start("--db=sqlite::memory:", "--max-queue=65536");
  const users = [];
  for (let i = 0; i < 8; i++) users.push(await join(server, `user ${i}`));
  await using stalled = await join(server, "stalled");
  stalled.wire.pause();
  for (let i = 0; i < 60; i++) {
    await users[0]!.wire.ask({ msgid: 6, toid: stalled.id, msg: "x".repeat(60_000), mid: `s${i}` }, 12);
  }
  await using late = await server.connect();
  const sent = 400;
  for (const { wire, id } of users) {
    for (let i = 0; i < sent; i++) await wire.send({ msgid: 6, toid: id, msg: "x", mid: `${i}` });
  }
  await late.send({ msgid: 4, v: 2, name: "late", password: "late pass" });
  const ended = server.end("SIGTERM");
  assert([0, 110].includes((await late.next(5)).errno));
  for (const { wire } of users) {
    await wire.gone();
    const of = (msgid: number) => wire.frames.filter((frame) => frame.msgid === msgid).length;
    assertEquals(of(12) + of(16), sent, "answered or refused");
    assertEquals(of(22), 1, "and told goodbye");
    await wire[Symbol.asyncDispose]();
  }
  const { code, log } = await ended;
  assertEquals([code, log.includes("defect")], [0, false], log);
});

Deno.test("a database that another program has locked: 108 after a while, the neighbours go on, then all is well", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using server = await TestServer.start(`--db=sqlite:${folder}/chat.db`);
    await using ann = await join(server, "ann");
    await using bob = await join(server, "bob");
    {
      using other = new DatabaseSync(`${folder}/chat.db`);
      other.exec("BEGIN EXCLUSIVE");
      for (let i = 0; i < 100; i++) await ann.wire.send({ msgid: 6, toid: bob.id, msg: "x", mid: `${i}` });
      const began = Date.now();
      await bob.wire.settle();
      assert(Date.now() - began < 500, `a neighbour waited ${Date.now() - began} ms`);
      const refused = new Set<string>();
      for (let i = 0; i < 100; i++) {
        const { errno, mid, retry_ms } = await ann.wire.next(16);
        assertEquals([errno, retry_ms > 0], [108, true]);
        refused.add(mid);
      }
      assertEquals(refused.size, 100);
      other.exec("ROLLBACK");
    }
    assertEquals((await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "x", mid: "0" }, 12)).seq, 1);
    assertEquals((await bob.wire.next(6)).seq, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("receipts to one who does not read are coalesced, and old ones are not passed on", async () => {
  await using server = await TestServer.start("--max-queue=65536", "--rate=1000000");
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  for (let i = 1; i <= 3; i++) await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "x", mid: `${i}` }, 12);
  for (let i = 0; i < 100; i++) await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 2, kind: "read" });
  await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 1, kind: "read" });
  assertEquals((await ann.wire.next(13)).seq, 2);
  // Nothing that is told after this is about those before.
  await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 3, kind: "read" });
  assertEquals((await ann.wire.next(13)).seq, 3);
  assertEquals(ann.wire.frames, []);
});

Deno.test("a flood of nonsense costs its sender, not the neighbours", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using flood = await server.connect();
  const nonsense = "{}".repeat(20_000);
  await flood.send(nonsense);
  for (let i = 0; i < 20; i++) {
    const began = Date.now();
    await ann.wire.settle();
    assert(Date.now() - began < 500, `a neighbour waited ${Date.now() - began} ms`);
  }
});

Deno.test("a link to the database is the same database", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using _ = await TestServer.start(`--db=sqlite:${folder}/chat.db`);
    await Deno.symlink(`${folder}/chat.db`, `${folder}/link.db`);
    const error = await TestServer.start(`--db=sqlite:${folder}/link.db`).then(
      () => undefined,
      (error) => error,
    );
    assert(error?.message.includes("in use"), `${error}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a note to oneself comes back", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann", 1);
  await ann.wire.send({ msgid: 6, toid: ann.id, msg: "milk" });
  assertEquals((await ann.wire.next(6)).msg, "milk");
});

Deno.test("stop: a client that does not read its answers is waited for a few seconds, not for ever", async () => {
  const server = await ServerProcess.start("--db=sqlite::memory:");
  const ann = await join(server, "ann");
  for (let i = 0; i < 20; i++) {
    await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "x".repeat(60_000), mid: `${i}` }, 12);
  }
  ann.wire.pause();
  for (let i = 0; i < 500; i++) await ann.wire.send({ msgid: 20, conv: "u1-1", limit: 1 });
  const { code } = await server.end("SIGTERM");
  assertEquals(code, 0);
  await reset(ann.wire);
});

Deno.test("a v2 client that is silent is pinged, then given up; one that answers, or speaks v1, stays", async () => {
  await using server = await TestServer.start("--client-timeout=1");
  await using silent = await join(server, "silent");
  await using polite = await join(server, "polite");
  await using old = await join(server, "old", 1);
  await silent.wire.next(14);
  await polite.wire.next(14);
  await polite.wire.send({ msgid: 15 });
  await silent.wire.gone();
  await polite.wire.next(14);
  await polite.wire.send({ msgid: 15 });
  await polite.wire.settle();
  await old.wire.send({ msgid: 6, toid: polite.id, msg: "still here" });
  assertEquals((await polite.wire.next(6)).msg, "still here");
  await using again = await logIn(server, { id: silent.id, name: "silent" });
  assertEquals(again.ack.errno, 0);
});
