import { assertEquals, assertRejects } from "@std/assert";
import { Refusal } from "../errors.ts";
import type { Push } from "../protocol/encode.ts";
import type { LogMessage, Reply } from "../protocol/messages.ts";
import type { Appended, NewMessage } from "../stores/store.ts";
import { NODES } from "../bus/channels.ts";
import { Envelopes, type News } from "../bus/envelope.ts";
import { Delivery, type DeliveryOptions } from "./delivery.ts";
import type { Inbox } from "./inbox.ts";
import type { Session } from "./sessions.ts";
import { system } from "../system.ts";

const SECRET = "secret";
const other = new Envelopes({ secret: SECRET, node: "two", log: () => "log", maxLength: 100_000 });

function entry(about: Partial<NewMessage> = {}): NewMessage {
  return { conv: "u1-2", kind: "chat", sender: 1, senderName: "ann", to: 2, mid: "m", body: '"x"', ...about };
}

function stored(seq: number, about: Partial<NewMessage> = {}): LogMessage {
  const { conv, kind, sender, senderName, mid, body } = entry(about);
  return { conv, seq, kind, sender, senderName, mid, body, at: 1 };
}

/** Whoever writes. */
const SENDER = { inbox: { sends: (_, append) => append() } as Pick<Inbox, "sends"> } as Session;

/** A node "one" on which these users are online. */
function node({ users = [], elsewhere = [], groups = {}, result }: {
  users?: number[];
  /** Those of them who have a session on another node, too. */
  elsewhere?: number[];
  groups?: Record<number, number[]>;
  result?: Appended;
} = {}) {
  const seen = {
    published: [] as string[],
    offered: [] as string[],
    told: [] as Reply[],
    heard: [] as string[],
    evicted: [] as string[],
    beats: [] as string[],
    read: [] as string[],
    looks: 0,
    looksFor: [] as number[],
    nonsense: [] as number[],
    now: 0,
    mayServe: true,
  };
  const sessions = new Map(users.map((user) => [user, {
    id: `session ${user}`,
    user: { id: user },
    device: "",
    inbox: {
      offer: (push: Push) => seen.offered.push(`${user}: ${push.message.conv} ${push.message.seq}`),
      readElsewhere: (conv: string, seq: number) => seen.read.push(`${user}: ${conv} ${seq}`),
      tell: (_: string, reply: Reply) => seen.told.push(reply),
    },
  }]));
  const delivery = new Delivery({
    log: {
      append: () => Promise.resolve(result ?? { stored: stored(1), fresh: true }),
      heard: ({ conv, seq }: LogMessage) => seen.heard.push(`${conv} ${seq}`),
    },
    sessions: {
      of: (user: number) => sessions.has(user) ? [sessions.get(user)!] : [],
      mayBeElsewhere: (user: number) => !sessions.has(user) || elsewhere.includes(user),
      heardElsewhere: (user: number) => elsewhere.push(user),
      inGroup: (group: number) => (groups[group] ?? []).map((user) => sessions.get(user)!),
    },
    bus: { carries: true, publish: (channel: string) => seen.published.push(channel) },
    envelopes: new Envelopes({ secret: SECRET, node: "one", log: () => "log", maxLength: 100_000 }),
    mayServe: () => seen.mayServe,
    onEvict: ({ id }: { id: string }, reason: string) => seen.evicted.push(`${id} ${reason}`),
    onMissing: () => seen.looks++,
    onMissingOf: (user: number) => seen.looksFor.push(user),
    onBeat: (from: string) => seen.beats.push(from),
    onNonsense: ({ count }: { count: number }) => seen.nonsense.push(count),
    onDefect: (error: unknown) => {
      throw error;
    },
    system: { ...system, monotonic: () => seen.now },
  } as unknown as DeliveryOptions);
  const receive = (channel: string, envelope: Parameters<Envelopes["seal"]>[1]) =>
    delivery.receive(channel, other.seal(channel, envelope));
  return { delivery, seen, receive };
}

Deno.test("delivery: a message goes to who is here, and to the channels of who is not", async () => {
  const { delivery, seen } = node({ users: [1] });
  assertEquals((await delivery.send(entry(), SENDER)).seq, 1);
  assertEquals(seen.offered, ["1: u1-2 1"]);
  assertEquals(seen.published, ["user:2"]);
});

Deno.test("delivery: a node that is not sure of its sessions tells both places, and acknowledges nothing", async () => {
  const { delivery, seen } = node({ users: [1, 2] });
  seen.mayServe = false;
  await assertRejects(() => delivery.send(entry(), SENDER), Refusal, "not certain");
  assertEquals(seen.published, ["user:1", "user:2"]);
});

Deno.test("delivery: a message goes to the channel of who is here and may be on other nodes, too", async () => {
  const { delivery, seen } = node({ users: [1, 2], elsewhere: [1] });
  await delivery.send(entry(), SENDER);
  assertEquals([seen.offered, seen.published], [["1: u1-2 1", "2: u1-2 1"], ["user:1"]]);
});

Deno.test("delivery: nodes with sessions of one user tell each other of them, and look for what was missed", async () => {
  const { delivery, seen, receive } = node({ users: [1] });
  await delivery.send(entry(), SENDER);
  receive("user:2", { type: "came" });
  assertEquals(seen.published.splice(0), ["user:2"], "nobody is here");
  receive("user:1", { type: "came" });
  assertEquals(seen.published.splice(0), ["user:1"], "asked to look");
  await delivery.send(entry(), SENDER);
  assertEquals(seen.published, ["user:1", "user:2"]);
  receive("user:1", { type: "look" });
  assertEquals([seen.looksFor, seen.looks], [[1], 0]);
});

Deno.test("delivery: what another device has read is noted, and told to devices that have names", () => {
  const { delivery, seen, receive } = node({ users: [1] });
  const receipt: News = { msgid: 13, id: 1, conv: "u1-2", seq: 4, kind: "read" };
  receive("user:1", { type: "reply", reply: receipt });
  delivery.tell(1, receipt);
  assertEquals([seen.read, seen.told], [["1: u1-2 4", "1: u1-2 4"], []]);
});

Deno.test("delivery: a group's message is published once", async () => {
  const about = { conv: "g5", to: undefined };
  const result: Appended = { stored: stored(3, about), fresh: true };
  const { delivery, seen } = node({ users: [1, 2, 3], groups: { 5: [1, 2] }, result });
  await delivery.send(entry(about), SENDER);
  assertEquals(seen.offered, ["1: g5 3", "2: g5 3"]);
  assertEquals(seen.published, ["group:5"]);
});

Deno.test("delivery: what was stored before is announced again", async () => {
  const { delivery, seen } = node({ users: [2], result: { stored: stored(1), fresh: false } });
  await delivery.send(entry(), SENDER);
  assertEquals(seen.offered, ["2: u1-2 1"]);
});

Deno.test("delivery: refusals of the store have their errno", async () => {
  for (
    const [refused, errno] of [["no_user", 103], ["already", 111], ["no_request", 109], [
      "not_a_member",
      105,
    ]] as const
  ) {
    const { delivery, seen } = node({ result: { refused } });
    const { errno: got } = await assertRejects(() => delivery.send(entry(), SENDER), Refusal);
    assertEquals([got, seen.published.length], [errno, 0]);
  }
});

Deno.test("delivery: what another node announces is offered here and its number noted", () => {
  const { seen, receive } = node({ users: [1, 2] });
  receive("user:2", { type: "message", message: stored(1) });
  assertEquals([seen.offered, seen.heard], [["1: u1-2 1", "2: u1-2 1"], ["u1-2 1"]]);
});

Deno.test("delivery: receipts, states and requests to end a session reach the session that they are for", () => {
  const { seen, receive } = node({ users: [2] });
  const receipt: News = { msgid: 13, id: 1, conv: "u1-2", seq: 1, kind: "read" };
  receive("user:2", { type: "reply", reply: receipt });
  receive("user:3", { type: "reply", reply: receipt });
  receive("user:2", { type: "evict", session: "session 9" });
  receive("user:2", { type: "evict", session: "session 2" });
  assertEquals([seen.told, seen.evicted], [[receipt], ["session 2 takeover"]]);
});

Deno.test("delivery: a node lets itself be heard and hears others, not itself", () => {
  const { delivery, seen, receive } = node();
  delivery.beat();
  receive(NODES, { type: "beat" });
  const self = new Envelopes({ secret: SECRET, node: "one", log: () => "log", maxLength: 100_000 });
  delivery.receive(NODES, self.seal(NODES, { type: "beat" }));
  assertEquals([seen.published, seen.beats], [[NODES], ["two"]]);
});

Deno.test("delivery: after the bus refused something the others are asked to look, once", () => {
  const { delivery, seen, receive } = node();
  delivery.resend();
  assertEquals(seen.published, []);
  delivery.unsent();
  delivery.unsent();
  delivery.resend();
  delivery.resend();
  assertEquals(seen.published, [NODES]);
  receive(NODES, { type: "look" });
  assertEquals(seen.looks, 1);
});

Deno.test("delivery: however often a signed look is repeated, the log is looked into once a second", () => {
  const { delivery, receive, seen } = node({ users: [1] });
  for (let i = 0; i < 1000; i++) receive(NODES, { type: "look" });
  assertEquals(seen.looks, 1);
  // The next one is planned; nothing else is.
  delivery.close();
});

Deno.test("delivery: forged wake-ups show nothing and cost one look in 5 s", () => {
  const { delivery, seen } = node({ users: [1, 2] });
  const forged = other.seal("user:2", { type: "message", message: stored(1) }).slice(22);
  for (let i = 0; i < 1000; i++) delivery.receive("user:2", forged);
  assertEquals([seen.looks, seen.offered, seen.heard], [1, [], []]);
  seen.now += 5000;
  delivery.receive("user:2", forged);
  assertEquals(seen.looks, 2);
});

Deno.test("delivery: nonsense is counted and reported once a minute", () => {
  const { delivery, seen } = node({ users: [2] });
  for (let i = 0; i < 100; i++) delivery.receive("user:2", "nonsense");
  seen.now += 60_000;
  delivery.receive("user:2", "nonsense");
  assertEquals(seen.nonsense, [1, 100]);
});
