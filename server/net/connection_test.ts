import { assert, assertEquals } from "@std/assert";
import { Errno } from "../errors.ts";
import type { Session } from "../services/sessions.ts";
import { bench, CHAT, line, parsed, PING, settled } from "./connection_bench.ts";
import type { RoutedClient } from "./router.ts";

Deno.test("connection: frames are answered in order; the client's end ends session and socket", async () => {
  const { socket, connection, seen, session } = bench();
  const running = connection.run();
  session();
  socket.send(PING + PING.slice(0, 5));
  socket.send(PING.slice(5));
  socket.send(null);
  await running;
  assertEquals(parsed(socket.seen).map((one) => one.msgid ?? one), [15, 15, "close"]);
  assertEquals([seen.ended.length, seen.journal], [1, [["in", 1], ["out", "closed"]]]);
  assertEquals(seen.defects, []);
});

Deno.test("connection: that a client has gone costs nothing further until it is its turn", async () => {
  const { socket, connection, seen, session, timers, holdEnds } = bench();
  const release = holdEnds();
  const running = connection.run();
  session();
  socket.send(null);
  await settled();
  assertEquals([seen.ended.length, socket.seen, timers.size], [0, [], 0]);
  release();
  await running;
  assertEquals([seen.ended.length, socket.seen, timers.size], [1, ["close"], 0]);
});

Deno.test("connection: after a frame that cannot be one the client is told and given time to read it", async () => {
  const { socket, connection, pass, timers } = bench();
  const running = connection.run();
  socket.send("x".repeat(70_000));
  await pass(0);
  const [error, end] = parsed(socket.seen);
  assertEquals([error.msgid, error.errno, end], [16, Errno.BAD_FRAME, "end"]);
  socket.send("more that nobody looks at\n");
  await pass(500);
  assert(!socket.seen.includes("close"), "what is on its way to the client would be lost");
  await pass(600);
  await running;
  assertEquals(socket.seen.at(-1), "close");
  assertEquals(timers.size, 0);
});

Deno.test("connection: a farewell waits for requests under way, and answers nothing that comes later", async () => {
  const stored = Promise.withResolvers<void>();
  const { socket, connection, pass, session } = bench({
    chat: {
      toUser: async ({ peer }: Session) => {
        await stored.promise;
        peer.reply({ msgid: 15, at: 0 });
      },
    },
  });
  const running = connection.run();
  session();
  socket.send(CHAT);
  await pass(0);
  const ended = connection.end({ reason: "takeover", reconnectMs: 0 });
  socket.send(PING);
  await pass(100);
  assertEquals(socket.seen, []);
  stored.resolve();
  await ended;
  assertEquals(parsed(socket.seen).map((one) => one.msgid ?? one), [15, 22, "end"]);
  socket.send(null);
  await running;
});

Deno.test("connection: a request that hangs delays a farewell by a bounded time", async () => {
  const { socket, connection, pass, session } = bench({ chat: { toUser: () => new Promise(() => {}) } });
  void connection.run();
  session();
  socket.send(CHAT);
  await pass(0);
  void connection.end({ reason: "stopping", reconnectMs: 5 });
  await pass(700);
  assertEquals(socket.seen, []);
  await pass(100);
  assertEquals(parsed(socket.seen)[0].reason, "stopping");
  // The client never closes its side.
  await pass(1000);
  assertEquals(socket.seen.at(-1), "close");
});

Deno.test("connection: who does not read is not read from, and closed when a farewell cannot be written", async () => {
  const { socket, connection, pass, session, timers } = bench();
  void connection.run();
  session();
  socket.reads = false;
  for (let i = 0; i < 1000; i++) socket.send(PING);
  await pass(0);
  assertEquals(connection.writable, false);
  const waiting = connection.drained();
  void connection.end({ reason: "ended", reconnectMs: 0 });
  await pass(750);
  assert(!socket.seen.includes("close"));
  await pass(3000);
  assertEquals(socket.seen, ["close"]);
  assertEquals(await waiting, false, "what is closed never becomes writable");
  await pass(60_000);
  assertEquals(timers.size, 0, "no timer outlives its connection");
});

Deno.test("connection: a client that reads again is served from where it stopped", async () => {
  const { socket, connection, pass, session } = bench();
  void connection.run();
  session();
  socket.reads = false;
  socket.send(PING.repeat(400));
  await pass(0);
  assertEquals(connection.writable, false);
  socket.readAgain();
  await pass(0);
  assertEquals([parsed(socket.seen).length, connection.writable], [400, true]);
});

Deno.test("connection: a write that fails closes it once and is no defect", async () => {
  const { socket, connection, seen, session } = bench();
  const running = connection.run();
  session();
  socket.failing = new Deno.errors.ConnectionReset("gone");
  socket.send(PING);
  await running;
  assertEquals(socket.seen, ["close"]);
  assertEquals([seen.ended.length, seen.defects], [1, []]);
});

Deno.test("connection: others have their turn after 64 frames", async () => {
  const { socket, connection, seen, pass } = bench();
  void connection.run();
  socket.send(PING.repeat(200));
  await pass(0);
  assertEquals(seen.turns, 3);
});

Deno.test("connection: I11: others have their turn after each request that takes milliseconds", async () => {
  let slow = () => {};
  const { socket, connection, seen, session, sleep } = bench({ history: { page: () => slow() } });
  connection.session = session();
  slow = () => sleep(3);
  const running = connection.run();
  socket.send('{"msgid":20,"conv":"u1-2"}'.repeat(5));
  socket.send(null);
  await running;
  assertEquals(seen.turns, 5);
});

Deno.test("connection: 256 requests under way are all; the next one waits for an answer", async () => {
  const waiting: (() => void)[] = [];
  const { socket, connection, pass, session } = bench({
    chat: { toUser: () => new Promise<void>((resolve) => waiting.push(resolve)) },
  });
  void connection.run();
  session();
  socket.send(CHAT.repeat(300));
  await pass(0);
  assertEquals([waiting.length, connection.inFlight.count], [256, 256]);
  waiting[0]!();
  await pass(0);
  assertEquals(waiting.length, 257);
});

Deno.test("connection: who is silent is pinged once, then closed; whoever answers stays", async () => {
  const { socket, connection, pass, session } = bench();
  void connection.run();
  session();
  for (let i = 0; i < 4; i++) {
    await pass(10_000);
    connection.checkLife();
    await pass(0);
  }
  assertEquals(parsed(socket.seen).map(({ msgid }) => msgid), [14]);
  socket.send(line({ msgid: 15 }));
  await pass(40_000);
  connection.checkLife();
  await pass(0);
  assertEquals(parsed(socket.seen).map(({ msgid }) => msgid), [14, 14]);
  await pass(21_000);
  connection.checkLife();
  assertEquals(socket.seen.at(-1), "close");
});

Deno.test("connection: programs of the first generation are not pinged, and may be silent for ever", async () => {
  const { socket, connection, pass, session } = bench();
  void connection.run();
  session(1);
  await pass(24 * 3600 * 1000);
  connection.checkLife();
  assertEquals(socket.seen, []);
});

Deno.test("connection: who is not logged in may be silent, before a login and after it", async () => {
  const { socket, connection, pass, session } = bench();
  const running = connection.run();
  await pass(11 * 60 * 1000);
  connection.checkLife();
  assertEquals(connection.idleFor, 11 * 60 * 1000);
  session(1);
  assertEquals(connection.idleFor, 0);
  connection.session = undefined;
  await pass(11 * 60 * 1000);
  connection.checkLife();
  assertEquals([socket.seen, connection.idleFor], [[], 22 * 60 * 1000]);
  socket.send(line({ msgid: 14 }));
  await pass(0);
  assertEquals([parsed(socket.seen)[0].msgid, connection.idleFor], [15, 0]);
  connection.dismiss();
  await running;
  assertEquals(socket.seen.at(-1), "close");
});

Deno.test("connection: a login that succeeds after the farewell is ended again", async () => {
  const { connection, pass, seen, session } = bench();
  void connection.run();
  void connection.end({ reason: "stopping", reconnectMs: 0 });
  await pass(0);
  const late = session();
  await pass(0);
  assertEquals(seen.ended, [late]);
  assertEquals((connection as RoutedClient).session, undefined);
});

Deno.test("connection: requests without reason are served ever more slowly", async () => {
  const { socket, connection, pass } = bench();
  void connection.run();
  socket.send(CHAT.repeat(150));
  await pass(0);
  assertEquals(parsed(socket.seen).length, 100);
  await pass(50);
  assertEquals(parsed(socket.seen).length, 150);
});
