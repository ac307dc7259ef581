import { assertEquals } from "@std/assert";
import type { LogMessage } from "../protocol/messages.ts";
import { type Envelope, Envelopes } from "./envelope.ts";
import { Mac, MAC_LENGTH } from "./mac.ts";

const SECRET = "s".repeat(43);
const message: LogMessage = {
  conv: "u3-7",
  seq: 5,
  kind: "chat",
  sender: 3,
  senderName: "ann",
  mid: "m-1",
  body: '"hello \\ud800"',
  at: 1_790_000_000_000,
};

function envelopes(options: { node?: string; secret?: string; log?: string } = {}) {
  const { node = "one", secret = SECRET, log = "log" } = options;
  return new Envelopes({ node, secret, log: () => log, maxLength: 40_000_000 });
}

/** Signs any text, as a node of another version could. */
const signed = (channel: string, json: string) => new Mac(SECRET).of(`${channel}\n${json}`) + json;
const about = (envelope: unknown, more: Record<string, unknown> = {}) =>
  JSON.stringify({ node: "two", log: "log", envelope, ...more });
const withMessage = (change: Record<string, unknown>) =>
  about({ type: "message", message: { ...message, ...change } });

Deno.test("envelope: what a node of the cluster seals is opened as it was", () => {
  const all: [string, Envelope][] = [
    ["user:7", { type: "message", message }],
    ["user:3", { type: "message", message: { ...message, mid: null, senderName: "", kind: "request" } }],
    ["group:9", { type: "message", message: { ...message, conv: "g9" } }],
    ["user:7", { type: "message", message: { ...message, ref: 2, edited: 5 } }],
    ["user:7", { type: "message", message: { ...message, kind: "react", ref: 2, body: '{"on":true}' } }],
    ["user:7", { type: "message", message: { ...message, body: "" } }],
    ["user:7", { type: "reply", reply: { msgid: 13, id: 3, conv: "u3-7", seq: 4, kind: "read" } }],
    ["user:7", { type: "reply", reply: { msgid: 23, id: 3, name: "ann", state: "online", at: 1 } }],
    ["user:7", { type: "evict", session: crypto.randomUUID() }],
    ["nodes", { type: "look" }],
    ["nodes", { type: "beat" }],
  ];
  for (const [channel, envelope] of all) {
    const payload = envelopes({ node: "two" }).seal(channel, envelope);
    assertEquals(envelopes().open(channel, payload), { from: "two", envelope });
  }
});

/** Each is for channel user:7, and none may be taken for an envelope. */
const SIGNED_NONSENSE: Record<string, string> = {
  "no JSON": "{",
  "an array": "[]",
  "null": "null",
  "a number": "7",
  "no envelope": about(undefined),
  "an unknown type": about({ type: "shutdown" }),
  "a field too many": about({ type: "beat", admin: true }),
  "a field too many outside": about({ type: "beat" }, { admin: true }),
  "a message without body": withMessage({ body: undefined }),
  "a body that is no string literal": withMessage({ body: "1" }),
  "a body that breaks out of its frame": withMessage({ body: '"x","id":1' }),
  "a body with a raw line end": withMessage({ body: '"a\nb"' }),
  "a body of two lines": withMessage({ body: '{"a":1,\n"b":2}' }),
  "a body of two objects": withMessage({ body: '{"a":1},{"b":2}' }),
  "a ref that is no number": withMessage({ ref: "1" }),
  "an edit at no time": withMessage({ edited: null }),
  "a mid that breaks out of its frame": withMessage({ mid: '","id":1,"x":"' }),
  "a seq of 0": withMessage({ seq: 0 }),
  "a seq that is no whole number": withMessage({ seq: 1.5 }),
  "a seq beyond all numbers": withMessage({ seq: 1e300 }),
  "a sender who is not of the pair": withMessage({ sender: 8 }),
  "a sender who is text": withMessage({ sender: "3" }),
  "a conversation that is none": withMessage({ conv: "x3-7" }),
  "a conversation in the wrong order": withMessage({ conv: "u7-3" }),
  "a conversation with a prototype's name": withMessage({ conv: "__proto__" }),
  "a kind that is a method's name": withMessage({ kind: "constructor" }),
  "a time that is none": withMessage({ at: -1 }),
  "another user's conversation": withMessage({ conv: "u1-3" }),
  "a group's message on a user's channel": withMessage({ conv: "g9" }),
  "a login answer": about({ type: "reply", reply: { msgid: 2, errno: 0, id: 7, name: "bob" } }),
  "a goodbye": about({ type: "reply", reply: { msgid: 22, reason: "ended", reconnect_ms: 0 } }),
  "a receipt with a huge number": about({
    type: "reply",
    reply: { msgid: 13, id: 3, conv: "u3-7", seq: 1e300, kind: "read" },
  }),
  "deep nesting": `{"node":${"[".repeat(5000)}${"]".repeat(5000)}}`,
};

Deno.test("envelope: what is signed and makes no sense is nonsense", () => {
  for (const [what, json] of Object.entries(SIGNED_NONSENSE)) {
    assertEquals(envelopes().open("user:7", signed("user:7", json)), "nonsense", what);
  }
});

Deno.test("envelope: what no node of the cluster has signed is a hint at most", () => {
  const good = envelopes({ node: "two" }).seal("user:7", { type: "message", message });
  const evict = envelopes({ node: "two" }).seal("user:7", { type: "evict", session: "s" });
  const forged: Record<string, [channel: string, payload: string, worth: "hint" | "nonsense"]> = {
    "unsigned": ["user:7", good.slice(MAC_LENGTH), "hint"],
    "signed with another secret": [
      "user:7",
      envelopes({ secret: "t".repeat(43) }).seal("user:7", { type: "message", message }),
      "hint",
    ],
    "changed": ["user:7", good.replace("hello", "HELLO"), "hint"],
    "replayed on the other one's channel": ["user:3", good, "hint"],
    "replayed on a group's channel": ["group:7", good, "hint"],
    "cut short": ["user:7", good.slice(0, -1), "hint"],
    "an unsigned session to end": ["user:7", evict.slice(MAC_LENGTH), "nonsense"],
    "a session to end, of another user": ["user:3", evict, "nonsense"],
    "empty": ["user:7", "", "nonsense"],
    "a code alone": ["user:7", good.slice(0, MAC_LENGTH), "nonsense"],
    "NUL": ["user:7", "\0".repeat(100), "nonsense"],
    "half a surrogate pair": ["user:7", "\ud800".repeat(50), "nonsense"],
    "10 MB": ["user:7", "x".repeat(10_000_000), "nonsense"],
    "what nodes of an earlier version said": [
      "user:7",
      JSON.stringify({ type: "message", node: "x", message }),
      "hint",
    ],
  };
  for (const [what, [channel, payload, worth]] of Object.entries(forged)) {
    assertEquals(envelopes().open(channel, payload), worth, what);
  }
});

Deno.test("envelope: a message of a log with another name is a hint", () => {
  const payload = envelopes({ node: "two", log: "before" }).seal("user:7", { type: "message", message });
  assertEquals(envelopes().open("user:7", payload), "hint");
});

Deno.test("envelope: a receipt in a log with another name is about other entries; other news has nothing to do with it", () => {
  const before = envelopes({ node: "two", log: "before" });
  const receipt = { msgid: 13, id: 2, conv: "u2-7", seq: 9, kind: "read" } as const;
  assertEquals(envelopes().open("user:7", before.seal("user:7", { type: "reply", reply: receipt })), "hint");
  const presence = { msgid: 23, id: 2, name: "bob", state: "offline", at: 0 } as const;
  const opened = envelopes().open("user:7", before.seal("user:7", { type: "reply", reply: presence }));
  assertEquals(typeof opened === "object" && opened.envelope.type, "reply");
});

Deno.test("envelope: the longest message that a server can be told to take is opened; what is longer is not read", () => {
  const body = JSON.stringify("x".repeat(16 * 1024 * 1024));
  const payload = envelopes({ node: "two" }).seal("user:7", {
    type: "message",
    message: { ...message, body },
  });
  const opened = envelopes().open("user:7", payload);
  assertEquals(typeof opened === "object" && opened.envelope.type, "message");
  const small = new Envelopes({
    node: "one",
    secret: SECRET,
    log: () => "log",
    maxLength: payload.length - 1,
  });
  assertEquals(small.open("user:7", payload), "hint");
});

Deno.test("envelope: a node knows its own payloads by how they begin", () => {
  const payload = envelopes({ node: "two" }).seal("user:7", { type: "message", message });
  assertEquals([envelopes({ node: "two" }).isOwn(payload), envelopes().isOwn(payload)], [true, false]);
  assertEquals(envelopes({ node: "tw" }).isOwn(payload), false);
});
