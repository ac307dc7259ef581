import { assert, assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../errors.ts";
import { Push } from "../protocol/encode.ts";
import type { Generation } from "../protocol/message_frame.ts";
import type { LogMessage, Reply } from "../protocol/messages.ts";
import { type CursorMove, type LogStore, type Page, StoreUnavailable } from "../stores/store.ts";
import { Cursors } from "./cursors.ts";
import { Inbox } from "./inbox.ts";
import type { Peer } from "./peer.ts";
import { system } from "../system.ts";

const ME = 1;
const OTHER = 2;

/** A log in an array, that can be made to fail. */
class FakeLog implements Pick<LogStore, "read" | "moveCursors"> {
  readonly entries: LogMessage[] = [];
  readonly moves: CursorMove[] = [];
  failures = 0;
  reads = 0;

  add(sender = OTHER, conv = "u1-2", about: Partial<LogMessage> = {}): Push {
    const seq = Math.max(0, ...this.entries.filter((e) => e.conv === conv).map((e) => e.seq)) + 1;
    const message = {
      conv,
      seq,
      kind: "chat",
      sender,
      senderName: "x",
      mid: null,
      body: '"x"',
      at: seq,
      ...about,
    } as const;
    this.entries.push(message);
    return new Push(message);
  }

  purge(isGone: (seq: number) => boolean): void {
    for (const [i, { seq }] of [...this.entries.entries()].reverse()) {
      if (isGone(seq)) this.entries.splice(i, 1);
    }
  }

  read({ conv, after = 0, limit }: Page): Promise<LogMessage[]> {
    this.reads++;
    if (this.failures-- > 0) return Promise.reject(new StoreUnavailable("away"));
    return Promise.resolve(this.entries.filter((e) => e.conv === conv && e.seq > after).slice(0, limit));
  }

  moveCursors(moves: readonly CursorMove[]): Promise<readonly CursorMove[]> {
    this.moves.push(...moves);
    return Promise.resolve([]);
  }
}

/** A connection that takes `room` entries before it is full. */
class FakePeer implements Peer {
  readonly pushed: string[] = [];
  readonly told: Reply[] = [];
  generation: Generation = 2;
  room = Infinity;
  broken = false;
  #waiting: (() => void)[] = [];

  get writable(): boolean {
    return this.room > 0;
  }

  push({ message }: Push, written?: () => void): void {
    this.room--;
    this.pushed.push(`${message.conv}:${message.seq}`);
    written?.();
  }

  async drained(): Promise<boolean> {
    while (!this.writable && !this.broken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return !this.broken;
  }

  /** The other side is gone, though nobody has told the session yet. */
  fail(): void {
    this.broken = true;
    this.read(0);
  }

  read(room: number): void {
    this.room = room;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  reply(reply: Reply): void {
    this.room--;
    this.told.push(reply);
  }

  async end(): Promise<void> {}
}

function setUp(generation: Generation = 2, device = "") {
  const log = new FakeLog();
  const peer = new FakePeer();
  peer.generation = generation;
  const defects: unknown[] = [];
  const store = log as unknown as LogStore;
  const cursors = new Cursors(store, {
    interval: 1,
    after: system.after,
    onError: (error) => defects.push(error),
  });
  const lease = { valid: true };
  const entries: number[] = [];
  const mayServe = () => lease.valid;
  const inbox = new Inbox({
    user: ME,
    device,
    peer,
    log: store,
    cursors,
    mayServe,
    onEntry: ({ seq }) => entries.push(seq),
    after: system.after,
    onDefect: (error) => defects.push(error),
  });
  const settled = async (count: number) => {
    while (peer.pushed.length < count && defects.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertEquals(defects, []);
  };
  const close = async () => {
    inbox.close();
    await cursors.close();
  };
  return { log, peer, inbox, cursors, lease, entries, settled, close };
}

const range = (from: number, to: number, conv = "u1-2") =>
  Array.from({ length: to - from + 1 }, (_, i) => `${conv}:${from + i}`);

Deno.test("I4: an entry that is the next one goes out without asking the log", async () => {
  const { log, peer, inbox, close } = setUp();
  inbox.start();
  for (let i = 0; i < 5; i++) inbox.offer(log.add());
  assertEquals([peer.pushed, log.reads], [range(1, 5), 0]);
  await close();
});

Deno.test("I4: lost, repeated and reordered wake-ups do not show", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  inbox.start();
  const pushes = Array.from({ length: 10 }, () => log.add());
  for (const i of [0, 2, 2, 1, 0, 6, 9, 9, 3]) inbox.offer(pushes[i]!);
  await settled(10);
  assertEquals(peer.pushed, range(1, 10));
  await close();
});

Deno.test("I4: what comes between subscribing and the login answer is pushed after what was missed", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  for (let i = 0; i < 3; i++) log.add();
  inbox.offer(log.add());
  inbox.load([{ conv: "u1-2", seq: 3, delivered: 1, read: 0 }]);
  inbox.offer(log.add());
  assertEquals(peer.pushed, []);
  inbox.start();
  await settled(4);
  assertEquals(peer.pushed, range(2, 5));
  await close();
});

Deno.test("I7: a full connection gets no more than its bound, and all of it once it reads", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  inbox.start();
  peer.room = 3;
  for (let i = 0; i < 1000; i++) inbox.offer(log.add());
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(peer.pushed.length, 3);
  assertEquals(log.reads, 0, "nothing is read ahead for one who does not read");
  for (let read = 3; read < 1000; read += 250) {
    peer.read(250);
    await settled(Math.min(1000, read + 250));
    assert(peer.pushed.length <= read + 250);
  }
  peer.read(Infinity);
  await settled(1000);
  assertEquals(peer.pushed, range(1, 1000));
  inbox.offer(log.add());
  await settled(1001);
  await close();
});

Deno.test("inbox: a store that is away is asked again", async () => {
  const { log, inbox, settled, close } = setUp();
  inbox.start();
  log.add();
  log.failures = 1;
  inbox.offer(log.add());
  await settled(2);
  assertEquals(log.reads, 2);
  await close();
});

Deno.test("I4: a notice without the entry, or one that is known already", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  inbox.start();
  for (let i = 0; i < 5; i++) log.add();
  inbox.notice("u1-2", 5);
  await settled(5);
  inbox.notice("u1-2", 4);
  assertEquals([peer.pushed, log.reads], [range(1, 5), 1]);
  await close();
});

Deno.test("inbox: own entries are counted, not pushed, and need no confirmation", async () => {
  const { log, peer, inbox, cursors, close } = setUp();
  inbox.start();
  inbox.offer(log.add(OTHER));
  inbox.offer(log.add(ME));
  await cursors.flush();
  assertEquals(log.moves.at(-1)?.delivered, 0, "1 is not confirmed yet");
  inbox.confirm("u1-2", { seq: 1, kind: "read" });
  await cursors.flush();
  assertEquals(log.moves.at(-1)?.delivered, 2, "and 2 is one's own");
  inbox.offer(log.add(ME));
  await cursors.flush();
  assertEquals(log.moves.at(-1)?.delivered, 3);
  assertEquals(peer.pushed, range(1, 1));
  await close();
});

Deno.test("inbox: for v1 what was written is delivered", async () => {
  const { log, inbox, cursors, close } = setUp(1);
  inbox.start();
  inbox.offer(log.add());
  inbox.offer(log.add());
  await cursors.flush();
  assertEquals(log.moves, [{ user: ME, device: "", conv: "u1-2", delivered: 2, read: 0 }]);
  await close();
});

Deno.test("inbox: what v1 has no word for is counted, not pushed, and never hides what is not written yet", async () => {
  const { log, peer, inbox, cursors, settled, close } = setUp(1);
  inbox.start();
  inbox.offer(log.add());
  inbox.offer(log.add(OTHER, "u1-2", { kind: "recall", ref: 1, body: "{}" }));
  await cursors.flush();
  assertEquals([peer.pushed, log.moves.at(-1)?.delivered], [range(1, 1), 2]);
  // The same where it is read from the log, with an entry behind it that finds no room.
  log.add(OTHER, "u1-2", { body: "" });
  log.add();
  log.add(OTHER, "u1-2", { kind: "react", ref: 4, body: "{}" });
  peer.room = 0;
  inbox.notice("u1-2", 5);
  await cursors.flush();
  assertEquals(peer.pushed, range(1, 1));
  peer.read(1);
  await settled(2);
  const deadline = Date.now() + 5000;
  while (log.moves.at(-1)?.delivered !== 5 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await cursors.flush();
  }
  assertEquals([peer.pushed, log.moves.at(-1)?.delivered], [["u1-2:1", "u1-2:4"], 5]);
  await close();
});

Deno.test("inbox: a login answer of v1 leaves out what it has no word for", async () => {
  const { log, inbox, cursors, close } = setUp(1);
  log.add();
  log.add(OTHER, "u1-2", { body: "" });
  log.add(OTHER, "u1-2", { kind: "recall", ref: 2, body: "{}" });
  inbox.load([{ conv: "u1-2", seq: 3, delivered: 0, read: 0 }]);
  const taken = await inbox.takeWaiting(1000);
  assertEquals(taken.map(({ seq }) => seq), [1]);
  for (const message of taken) inbox.written(message);
  await cursors.flush();
  assertEquals(log.moves.at(-1)?.delivered, 3);
  await close();
});

Deno.test("inbox: each entry is told once, one's own as well", async () => {
  const { log, inbox, entries, settled, close } = setUp();
  inbox.start();
  for (const sender of [OTHER, ME, OTHER]) inbox.offer(log.add(sender));
  log.add(ME);
  log.add(OTHER);
  inbox.notice("u1-2", 5);
  inbox.notice("u1-2", 4);
  await settled(3);
  assertEquals(entries, [1, 2, 3, 4, 5]);
  await close();
});

Deno.test("inbox: only what there is can be confirmed", async () => {
  const { log, inbox, close } = setUp();
  inbox.start();
  assertThrows(() => inbox.confirm("u1-2", { seq: 1, kind: "read" }), Refusal, "not in");
  inbox.offer(log.add());
  assertThrows(() => inbox.confirm("u1-2", { seq: 2, kind: "read" }), Refusal, "seq");
  assertEquals(inbox.confirm("u1-2", { seq: 1, kind: "delivered" }), true);
  assertEquals(inbox.confirm("u1-2", { seq: 1, kind: "delivered" }), false, "no news");
  assertEquals(inbox.confirm("u1-2", { seq: 1, kind: "read" }), true);
  await close();
});

Deno.test("inbox: a connection that fails with entries waiting ends the pump, and the event loop goes on", async () => {
  const { log, peer, inbox, close } = setUp();
  inbox.start();
  peer.room = 1;
  for (let i = 0; i < 5; i++) inbox.offer(log.add());
  peer.fail();
  inbox.offer(log.add());
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals([peer.pushed, log.reads], [range(1, 1), 0]);
  await close();
});

Deno.test("inbox: an entry offered just as the pump comes to its end is not left behind", async () => {
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    const { log, peer, inbox, settled, close } = setUp();
    inbox.start();
    peer.room = 1;
    for (let i = 0; i < 3; i++) inbox.offer(log.add());
    peer.read(2);
    while (peer.pushed.length < 3) await undefined;
    for (let i = 0; i < microtasks; i++) await undefined;
    inbox.offer(log.add());
    await undefined;
    peer.read(10);
    await settled(4);
    await close();
  }
});

Deno.test("inbox: what is told to a client that does not read is bounded: the newest under each key", async () => {
  const { peer, inbox, close } = setUp();
  inbox.start();
  peer.room = 1;
  const receipt = (seq: number) => ({ msgid: 13, id: 2, conv: "u1-2", seq, kind: "read" }) as const;
  for (let seq = 1; seq <= 1000; seq++) inbox.tell("13 u1-2 read", receipt(seq));
  inbox.tell("23 2", { msgid: 23, id: 2, name: "x", state: "online", at: 1 });
  assertEquals(peer.told.length, 1);
  peer.read(10);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(peer.told.map((reply) => "seq" in reply ? reply.seq : reply.msgid), [1, 1000, 23]);
  await close();
});

Deno.test("I6: while it is unsure whose the session is, nothing is pushed, by whatever way it comes", async () => {
  const { log, peer, inbox, lease, settled, close } = setUp();
  inbox.start();
  inbox.offer(log.add());
  lease.valid = false;
  inbox.offer(log.add());
  log.add();
  inbox.notice("u1-2", 3);
  inbox.tell("23 2", { msgid: 23, id: 2, name: "x", state: "online", at: 1 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals([peer.pushed, peer.told], [range(1, 1), []]);
  lease.valid = true;
  await settled(3);
  assertEquals([peer.pushed, peer.told.length], [range(1, 3), 1]);
  await close();
});

Deno.test("inbox: an entry that is announced while the log is asked for it in vain is not forgotten", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  inbox.start();
  inbox.enter("g1", 0);
  // Joined: the log is asked whether something has come in between, and has nothing yet.
  inbox.notice("g1", 1);
  inbox.offer(log.add(OTHER, "g1"));
  await settled(1);
  assertEquals(peer.pushed, range(1, 1, "g1"));
  await close();
});

Deno.test("inbox: notes to oneself come back", async () => {
  const { log, peer, inbox, close } = setUp();
  inbox.start();
  inbox.offer(log.add(ME, "u1-1"));
  assertEquals(peer.pushed, ["u1-1:1"]);
  await close();
});

Deno.test("inbox: after it is closed nothing is pushed", async () => {
  const { log, peer, inbox, close } = setUp();
  inbox.start();
  log.add();
  inbox.offer(log.add());
  inbox.close();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(peer.pushed, []);
  await close();
});

Deno.test("inbox: conversations that are behind take turns, so a friend does not wait for a long one", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  for (let i = 0; i < 500; i++) log.add(OTHER, "u1-2");
  for (let i = 0; i < 3; i++) log.add(OTHER, "u1-3");
  inbox.load([
    { conv: "u1-2", seq: 500, delivered: 0, read: 0 },
    { conv: "u1-3", seq: 3, delivered: 0, read: 0 },
  ]);
  inbox.start();
  await settled(503);
  assert(peer.pushed.indexOf("u1-3:1") <= 200, `after ${peer.pushed.indexOf("u1-3:1")} of the other one`);
  assertEquals(peer.pushed.filter((key) => key.startsWith("u1-2")), range(1, 500));
  await close();
});

Deno.test("inbox: a message that comes in the middle of a long conversation goes out before that one ends", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  for (let i = 0; i < 1000; i++) log.add(OTHER, "u1-2");
  inbox.load([{ conv: "u1-2", seq: 1000, delivered: 0, read: 0 }]);
  inbox.start();
  peer.room = 100;
  await settled(100);
  inbox.notice("u1-3", log.add(OTHER, "u1-3").message.seq);
  peer.read(Infinity);
  await settled(1001);
  assert(peer.pushed.indexOf("u1-3:1") <= 500, `at ${peer.pushed.indexOf("u1-3:1")}`);
  await close();
});

for (const generation of [1, 2] as const) {
  Deno.test(`I4: purged entries at the beginning and in the middle do not stop a conversation, v${generation}`, async () => {
    const { log, peer, inbox, cursors, settled, close } = setUp(generation);
    for (let i = 0; i < 250; i++) log.add();
    log.purge((seq) => seq <= 5 || (seq > 10 && seq <= 240));
    inbox.load([{ conv: "u1-2", seq: 250, delivered: 0, read: 0 }]);
    inbox.start();
    await settled(15);
    assertEquals(peer.pushed, [...range(6, 10), ...range(241, 250)]);
    inbox.offer(log.add());
    await settled(16);
    assertEquals(peer.pushed.at(-1), "u1-2:251");
    if (generation === 2) inbox.confirm("u1-2", { seq: 251, kind: "read" });
    await cursors.flush();
    assertEquals(log.moves.at(-1)?.delivered, 251);
    await close();
  });
}

Deno.test("I4: a login answer takes what is beyond purged entries", async () => {
  const { log, inbox, close } = setUp(1);
  for (let i = 0; i < 250; i++) log.add();
  log.purge((seq) => seq > 10 && seq <= 240);
  inbox.load([{ conv: "u1-2", seq: 250, delivered: 10, read: 0 }]);
  const taken = await inbox.takeWaiting(100_000);
  assertEquals(taken.map(({ seq }) => seq), Array.from({ length: 10 }, (_, i) => 241 + i));
  await close();
});

Deno.test("inbox: with its newest entries purged, a conversation is not asked for over and over", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  for (let i = 0; i < 20; i++) log.add();
  log.purge((seq) => seq > 10);
  inbox.load([{ conv: "u1-2", seq: 20, delivered: 0, read: 0 }]);
  inbox.start();
  await settled(10);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals([peer.pushed, log.reads], [range(1, 10), 2]);
  await close();
});

Deno.test("inbox: a conversation that the session was not told of begins where its user is", async () => {
  const { inbox, log, peer, settled, close } = setUp();
  for (let n = 0; n < 30; n++) log.add(OTHER, "g5");
  inbox.load([]);
  inbox.start();
  inbox.notice("g5", 30, 25);
  await settled(5);
  assertEquals(peer.pushed, range(26, 30, "g5"));
  await close();
});

Deno.test("inbox: I13: a device with a name is pushed what its user wrote on others, and not what it wrote itself", async () => {
  const { log, peer, inbox, close } = setUp(2, "phone");
  inbox.start();
  inbox.offer(log.add());
  inbox.offer(log.add(ME, "u1-2", { mid: "laptop-1" }));
  // The wake-up of what this session writes may come before its answer, or after.
  for (const isEarly of [true, false]) {
    const mid = `own-${isEarly}`;
    const result = await inbox.sends({ mid }, () => {
      const push = log.add(ME, "u1-2", { mid });
      if (isEarly) inbox.offer(push);
      return Promise.resolve({ stored: push.message, fresh: true });
    });
    if (!isEarly && "stored" in result) inbox.offer(new Push(result.stored));
  }
  // Without a mid it is known by its number.
  const request = log.add(ME);
  await inbox.sends({ mid: null }, () => Promise.resolve({ stored: request.message, fresh: true }));
  inbox.offer(request);
  inbox.offer(log.add(ME, "u1-2", { mid: "laptop-2" }));
  assertEquals([peer.pushed, log.reads], [["u1-2:1", "u1-2:2", "u1-2:6"], 0]);
  inbox.confirm("u1-2", { seq: 6, kind: "delivered" });
  await close();
  assertEquals(log.moves.at(-1), { user: ME, device: "phone", conv: "u1-2", delivered: 6, read: 0 });
});

Deno.test("inbox: what this session writes is not pushed to it by catching up, whether its append was answered or not", async () => {
  const { log, peer, inbox, settled, close } = setUp(2, "phone");
  inbox.load([{ conv: "u1-2", seq: 0, delivered: 0, read: 0 }]);
  const answer = Promise.withResolvers<void>();
  for (const mid of ["a", "b"]) {
    void inbox.sends({ mid }, async () => {
      const { message } = log.add(ME, "u1-2", { mid });
      if (mid === "b") await answer.promise;
      return { stored: message, fresh: true };
    });
  }
  inbox.notice("u1-2", log.add(ME, "u1-2", { mid: "laptop" }).message.seq);
  inbox.start();
  await settled(1);
  answer.resolve();
  assertEquals(peer.pushed, ["u1-2:3"]);
  await close();
});

Deno.test("inbox: what was not certainly stored is pushed like everything else", async () => {
  const { log, peer, inbox, settled, close } = setUp(2, "phone");
  inbox.start();
  const push = log.add(ME, "u1-2", { mid: "a" });
  await inbox.sends({ mid: "a" }, () => Promise.reject(new StoreUnavailable("lost"))).catch(() => "as meant");
  inbox.offer(push);
  await settled(1);
  assertEquals(peer.pushed, ["u1-2:1"]);
  await close();
});

Deno.test("inbox: what another device has read is read, and is to be delivered here all the same", async () => {
  const { log, inbox, close } = setUp(2, "phone");
  inbox.load([{ conv: "u1-2", seq: 0, delivered: 0, read: 0 }]);
  inbox.start();
  for (let i = 0; i < 3; i++) inbox.offer(log.add());
  inbox.readElsewhere("u1-2", 3);
  inbox.readElsewhere("u1-9", 3);
  assertEquals(inbox.confirm("u1-2", { seq: 2, kind: "read" }), false, "no news");
  await close();
  assertEquals(log.moves.at(-1), { user: ME, device: "phone", conv: "u1-2", delivered: 2, read: 3 });
});

Deno.test("I4: entries of conversations that are loaded later wait for that, and are then pushed in order", async () => {
  const { log, peer, inbox, settled, close } = setUp();
  for (let i = 0; i < 3; i++) log.add(OTHER, "g5");
  inbox.offer(log.add(OTHER, "g5"));
  inbox.load([{ conv: "u1-2", seq: 0, delivered: 0, read: 0 }], { more: true });
  inbox.start();
  inbox.offer(log.add(OTHER, "u1-2"));
  inbox.offer(log.add(OTHER, "g5"));
  inbox.notice("g6", 1);
  inbox.offer(log.add(OTHER, "u1-7"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(peer.pushed, ["u1-2:1"]);
  assertEquals([inbox.knows("u1-2"), inbox.knows("g5")], [true, false]);
  inbox.load([{ conv: "g5", seq: 4, delivered: 2, read: 2 }], { more: true });
  await settled(4);
  assertEquals(peer.pushed.slice(1), range(3, 5, "g5"));
  log.add(OTHER, "g6");
  inbox.load([]);
  await settled(6);
  assertEquals(peer.pushed.slice(4).sort(), ["g6:1", "u1-7:1"]);
  await close();
});

Deno.test("inbox: what is offered to a session that has ended is not pushed", async () => {
  const { log, peer, inbox, close } = setUp();
  inbox.start();
  await close();
  inbox.offer(log.add());
  assertEquals(peer.pushed, []);
});
