import { assertEquals } from "@std/assert";
import { type Between, STRANGERS, UNKNOWN } from "../protocol/standing.ts";
import type { Kind, LogMessage } from "../protocol/messages.ts";
import { type Facts, plan, runs, Written } from "./plan.ts";
import type { NewMessage } from "./store.ts";

interface Known {
  readonly newest?: Record<string, number>;
  readonly stored?: Record<string, LogMessage>;
  readonly users?: readonly number[];
  readonly between?: Between;
}

function facts({ newest = {}, stored = {}, users = [1, 2], between = STRANGERS }: Known = {}): Facts {
  return {
    newest: (conv) => newest[conv],
    stored: ({ sender, mid }) => stored[`${sender} ${mid}`],
    isUser: (id) => users.includes(id),
    standing: ({ sender }) => ({
      ...UNKNOWN,
      between: sender === 1 ? between : { ...between, asked: between.wanted, wanted: between.asked },
    }),
  };
}

function entry(mid: string | null, about: Partial<NewMessage> = {}): NewMessage {
  return { conv: "u1-2", kind: "chat", sender: 1, senderName: "ann", to: 2, mid, body: '"x"', ...about };
}

const step = (kind: Kind, sender = 1) => entry(`${kind} ${sender}`, { kind, sender, to: 3 - sender });

/** Number, reason of refusal, or `again` and the number it had. */
function outcomes(entries: readonly NewMessage[], known?: Known): (number | string)[] {
  return plan(entries, { facts: facts(known), at: 7 }).outcomes.map((outcome) =>
    "refused" in outcome
      ? outcome.refused
      : outcome.fresh
      ? outcome.stored.seq
      : `again ${outcome.stored.seq}`
  );
}

Deno.test("plan: numbers go on from the newest in each conversation, without holes", () => {
  const entries = [
    entry("a"),
    entry("b", { conv: "g5", to: undefined }),
    entry("c"),
    entry("d", { sender: 2, to: 1 }),
    entry("e", { conv: "g5", to: undefined }),
  ];
  assertEquals(outcomes(entries, { newest: { "u1-2": 40, g5: 0 } }), [41, 1, 42, 43, 2]);
});

Deno.test("plan: a mid that is stored gets its entry, also within one batch, and takes no number", () => {
  const old: LogMessage = {
    conv: "u1-2",
    seq: 3,
    kind: "chat",
    sender: 1,
    senderName: "ann",
    mid: "old",
    body: '"then"',
    at: 1,
  };
  const known = { newest: { "u1-2": 9 }, stored: { "1 old": old } };
  assertEquals(outcomes([entry("a"), entry("old"), entry("a"), entry("b")], known), [
    10,
    "again 3",
    "again 10",
    11,
  ]);
});

Deno.test("plan: entries without a mid are never the same", () => {
  assertEquals(outcomes([entry(null), entry(null)], { newest: { "u1-2": 0 } }), [1, 2]);
});

Deno.test("plan: the same mid of another sender is another message", () => {
  const both = [entry("m"), entry("m", { sender: 2, to: 1 })];
  assertEquals(outcomes(both, { newest: { "u1-2": 0 } }), [1, 2]);
});

Deno.test("plan: a conversation begins with its first entry, once", () => {
  const { rows } = plan([entry("a"), entry("b")], { facts: facts(), at: 7 });
  assertEquals(rows.map(({ begins, message }) => [begins, message.seq, message.at]), [[true, 1, 7], [
    false,
    2,
    7,
  ]]);
});

Deno.test("plan: nobody is there, or no such group", () => {
  assertEquals(outcomes([entry("a", { conv: "u1-9", to: 9 })]), ["no_user"]);
  assertEquals(outcomes([entry("a", { conv: "g9", to: undefined })]), ["not_a_member"]);
  // One who has written is answered even after the account is gone.
  assertEquals(outcomes([entry("a")], { newest: { "u1-2": 4 }, users: [1] }), [5]);
});

Deno.test("plan: who may ask and who may answer", () => {
  const asked = { ...STRANGERS, asked: true };
  const wanted = { ...STRANGERS, wanted: true };
  const friends = { ...STRANGERS, friends: true };
  const newest = { "u1-2": 0 };
  const of = (kind: Kind, between: Between) => outcomes([step(kind)], { newest, between })[0];
  assertEquals(["request", "accept", "refuse"].map((kind) => of(kind as Kind, STRANGERS)), [
    1,
    "no_request",
    "no_request",
  ]);
  assertEquals([of("request", asked), of("request", friends), of("request", wanted)], [
    "already",
    "already",
    1,
  ]);
  assertEquals([of("accept", wanted), of("refuse", wanted), of("accept", asked), of("accept", friends)], [
    1,
    1,
    "no_request",
    "no_request",
  ]);
});

Deno.test("plan: entries that are not plain are each planned after everything before them", () => {
  const entries = [entry("a"), entry("b"), step("request"), step("accept", 2), entry("c")];
  assertEquals(runs(entries).map((run) => run.map(({ mid }) => mid)), [["a", "b"], ["request 1"], [
    "accept 2",
  ], ["c"]]);
});

Deno.test("plan: later runs of a transaction go on from what the earlier ones have planned", () => {
  const before = new Written();
  const of = (entries: readonly NewMessage[]) =>
    plan(entries, { facts: facts({ newest: { "u1-2": 40 } }), at: 7, before }).outcomes.map((outcome) =>
      "stored" in outcome && (outcome.fresh ? outcome.stored.seq : `again ${outcome.stored.seq}`)
    );
  assertEquals([of([entry("a"), entry("b")]), of([step("request")]), of([entry("a"), entry("c")])], [
    [41, 42],
    [43],
    ["again 41", 44],
  ]);
});

Deno.test("plan: steps of becoming friends are for two people", () => {
  const inGroup = entry("a", { conv: "g5", to: undefined, kind: "request" });
  assertEquals(outcomes([inGroup], { newest: { g5: 0 } }), ["not_here"]);
});
