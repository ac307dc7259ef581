import { assert, assertEquals } from "@std/assert";
import { Errno } from "../errors.ts";
import type { Session } from "../services/sessions.ts";
import { Connection, type Socket } from "./connection.ts";
import { Push } from "../protocol/encode.ts";
import { Encoder } from "./encoder.ts";
import { type RoutedClient, Router } from "./router.ts";
import type { Services } from "./routes.ts";

/** A socket whose two ends the test holds. */
class FakeSocket implements Socket {
  readonly remoteAddr = { hostname: "127.0.0.1", port: 5 };
  /** What was written, and "end" and "close" when the stream ended. */
  readonly seen: string[] = [];
  /** Whether the client reads; if not, writes wait. */
  reads = true;
  failing: Error | undefined;
  #input: (string | null)[] = [];
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** The client sends text, or null: it has closed. */
  send(text: string | null): void {
    this.#input.push(text);
    this.#wakeReader?.();
  }

  readAgain(): void {
    this.reads = true;
    this.#wakeWriter?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) {
      if (this.seen.includes("close")) throw new Deno.errors.BadResource("closed");
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    const text = this.#input.shift()!;
    if (text === null) return null;
    const { read, written } = new TextEncoder().encodeInto(text, buffer);
    if (read < text.length) this.#input.unshift(text.slice(read));
    return written;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await undefined;
    if (this.failing) throw this.failing;
    while (!this.reads) await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    if (this.seen.includes("close")) throw new Deno.errors.BadResource("closed");
    this.seen.push(new TextDecoder().decode(bytes));
    return bytes.length;
  }

  async closeWrite(): Promise<void> {
    if (this.seen.includes("close")) throw new Deno.errors.BadResource("closed");
    await undefined;
    this.seen.push("end");
  }

  close(): void {
    this.seen.push("close");
    this.readAgain();
    this.#wakeReader?.();
  }
}

/** A connection on a socket, a clock and services that the test moves. */
function bench(services: Record<string, unknown> = {}, { pace = 0 } = {}) {
  const socket = new FakeSocket();
  const seen = { defects: [] as unknown[], ended: [] as Session[], journal: [] as unknown[], turns: 0 };
  const timers = new Set<{ at: number; run: () => void }>();
  let now = 0;
  let mayEnd: Promise<void> | undefined;
  /** Connections whose clients have gone wait until the result is called. */
  const holdEnds = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    mayEnd = promise;
    return resolve;
  };
  const router = new Router({ now: () => 7, ...services } as unknown as Services, {
    mayServe: () => true,
    isUnavailable: () => false,
    journal: { refused: () => {} },
    onDefect: (error) => seen.defects.push(error),
  });
  const connection = new Connection(socket, {
    router,
    maxFrame: 65_536,
    maxQueue: 4096,
    rate: 1e9,
    v1: { pace, longest: 1023 },
    clientTimeout: 60_000,
    system: {
      monotonic: () => now,
      after: (ms, run) => {
        const timer = { at: now + ms, run };
        timers.add(timer);
        return () => timers.delete(timer);
      },
      turn: async () => {
        seen.turns++;
        await undefined;
      },
    },
    encoder: new Encoder(),
    ends: {
      run: async (work) => {
        await mayEnd;
        return await work();
      },
    },
    journal: {
      loggedIn: (_, { user }) => seen.journal.push(["in", user]),
      loggedOut: (_, { reason }) => seen.journal.push(["out", reason]),
    },
    onEnd: (session) => {
      seen.ended.push(session);
      session.ended = true;
      return Promise.resolve();
    },
    onDefect: (error) => seen.defects.push(error),
  });
  /** Lets ms pass, and everything that is ready run. */
  const pass = async (ms: number) => {
    await settled();
    now += ms;
    for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= now && timers.delete(timer)) timer.run();
      await settled();
    }
    await settled();
  };
  const session = (generation: 1 | 2 = 2) => {
    connection.generation = generation;
    const made = { user: { id: 1, name: "ann" }, ended: false, peer: connection } as unknown as Session;
    connection.session = made;
    return made;
  };
  const sleep = (ms: number) => void (now += ms);
  return { socket, connection, router, seen, timers, pass, session, sleep, holdEnds };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 2000; i++) await undefined;
}

const line = (frame: unknown) => JSON.stringify(frame) + "\n";
const PING = line({ msgid: 14 });
const CHAT = line({ msgid: 6, toid: 2, msg: "x", mid: "m" });
const parsed = (texts: string[]) =>
  texts.flatMap((text) =>
    text.startsWith("{") ? text.trim().split("\n").map((one) => JSON.parse(one)) : text
  );

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

const entry = (seq: number, body = '"x"') =>
  new Push({ conv: "u1-2", seq, kind: "chat", sender: 2, senderName: "bob", mid: null, body, at: 0 });

Deno.test("connection: the pace lies between any two frames to a v1 client, and a frame counts after it", async () => {
  const { socket, connection, pass, session } = bench({}, { pace: 5 });
  void connection.run();
  session(1);
  const delivered: number[] = [];
  const push = (seq: number) => connection.push(entry(seq), () => delivered.push(seq));
  push(1);
  assertEquals(connection.writable, false, "what waits for the pace waits in the log");
  connection.reply({ msgid: 16, errno: 109, errmsg: "an answer waits here" });
  push(2);
  const seen = [[1, 0], [1, 0], [2, 1], [2, 1], [3, 1], [3, 2]];
  const at = [0, 4, 1, 4, 1, 5];
  for (const [i, ms] of at.entries()) {
    await pass(ms);
    assertEquals([socket.seen.length, delivered.length], seen[i], `step ${i}`);
  }
  assertEquals([await connection.drained(), connection.writable], [true, true]);
  connection.generation = 2;
  push(3);
  push(4);
  await pass(0);
  assertEquals([socket.seen.length, delivered], [4, [1, 2, 3, 4]], "v2 has no pace");
});

for (const how of ["closes", "breaks", "logs out"] as const) {
  Deno.test(`connection: whether a frame is delivered to a v1 client that ${how} within the pace`, async () => {
    const { socket, connection, pass, session, timers } = bench(
      { login: { logOut: () => Promise.resolve() } },
      { pace: 5 },
    );
    const running = connection.run();
    session(1);
    const delivered: number[] = [];
    connection.push(entry(1), () => delivered.push(1));
    await pass(3);
    if (how === "logs out") socket.send(line({ msgid: 3 }));
    if (how === "breaks") {
      connection.push(entry(2), () => delivered.push(2));
      socket.failing = new Deno.errors.ConnectionReset("gone");
    }
    if (how === "closes") socket.send(null);
    await pass(how === "closes" ? 0 : 1);
    assertEquals(delivered, how === "logs out" ? [1] : []);
    if (how === "breaks") await pass(1);
    if (how === "logs out") socket.send(null);
    await pass(5);
    await running;
    // The frame after the pace found the connection broken; the one before it had been there until then.
    assertEquals([delivered, timers.size], [how === "closes" ? [] : [1], 0]);
  });
}

Deno.test("connection: a long message to a v1 client comes in parts and counts after the last one", async () => {
  const { socket, connection, pass, session } = bench({}, { pace: 5 });
  void connection.run();
  session(1);
  let delivered = 0;
  const text = '\u0001"é名👍'.repeat(300);
  connection.push(entry(1, JSON.stringify(text)), () => delivered++);
  for (let i = 0; delivered === 0 && i < 50; i++) {
    assertEquals([socket.seen.length, delivered], [i, 0]);
    await pass(i === 0 ? 0 : 5);
    if (delivered === 0) assertEquals(socket.seen.length, i + 1);
  }
  const frames = parsed(socket.seen);
  assert(frames.length > 4 && socket.seen.every((frame) => new TextEncoder().encode(frame).length <= 1023));
  const parts = frames.map(({ id, msg }, i) => {
    const prefix = `(${i + 1}/${frames.length}) `;
    assertEquals([id, msg.slice(0, prefix.length)], [2, prefix]);
    return msg.slice(prefix.length);
  });
  assertEquals(parts.join(""), text);
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
