import { assert, assertEquals, assertThrows } from "@std/assert";
import { check, type Verdict } from "./check.ts";
import type { Breach } from "./findings.ts";
import { type Event, HistoryError, lineOf, parseLines } from "./history.ts";

type Draft = Event extends infer One ? One extends Event ? Partial<One> & { type: One["type"] } : never
  : never;

/** The user of a client called "2", "2 old", "2/phone". */
const userOf = (client: string) => Number.parseInt(client);

/** What a client did: one step 10 ms after the other, in the conversation of 1 and 2 in the log "A" unless it says so. */
function history(...drafts: (Draft & { client?: string })[]): Event[] {
  return drafts.map((draft, i) => ({
    ...{ t: i * 10, log: "A", conv: "u1-2" },
    ...("client" in draft ? { user: userOf(draft.client!) } : {}),
    ...draft,
  } as Event));
}

const invoke = (client: string, mid: string, more = {}) =>
  ({ type: "invoke", client, mid, ...more }) as const;
const ok = (client: string, mid: string, seq: number, more = {}) =>
  ({ type: "ok", client, mid, seq, ...more }) as const;
const refused = (client: string, mid: string, errno: number) =>
  ({ type: "refused", client, mid, errno }) as const;
const unknown = (client: string, mid: string) => ({ type: "unknown", client, mid }) as const;
const shown = (client: string, mid: string, seq: number, more = {}) =>
  ({ type: "shown", client, mid, seq, from: 1, ...more }) as const;
const read = (client: string, mid: string, seq: number, more = {}) =>
  ({ type: "read", client, mid, seq, from: 1, ...more }) as const;
const end = (client: string, to: number, more = {}) =>
  ({ type: "end", client, from: 1, to, ...more }) as const;
const login = (client: string, session: string, more = {}) =>
  ({ type: "login", client, session, ...more }) as const;
const left = (client: string, session: string, more = {}) =>
  ({ type: "left", client, session, how: "cut", ...more }) as const;
const presence = (client: string, of: number, more = {}) =>
  ({ type: "presence", client, of, state: "online", ...more }) as const;
const receipt = (client: string, seq: number, more = {}) =>
  ({ type: "receipt", client, seq, upTo: "delivered", ...more }) as const;
const receiptSeen = (client: string, of: number, seq: number, more = {}) =>
  ({ type: "receipt seen", client, of, seq, upTo: "delivered", ...more }) as const;
const recalled = (client: string, ref: number, more = {}) =>
  ({ type: "recalled", client, ref, ...more }) as const;
/** 1 has sent "a" to 2. */
const sent = [invoke("1", "a"), ok("1", "a", 1), shown("2", "a", 1)] as const;

/** A history that shows exactly these breaches, and how many events its shortest excerpt has. */
function shows(name: string, { breach, events, of }: { breach: Breach; events: number; of: Event[] }): void {
  Deno.test(`the checker: ${name}`, () => {
    const verdict = check(of);
    assertEquals([...verdict.breaches.keys()], [breach], verdict.text);
    assertEquals(verdict.violations[0]?.excerpt.length, events, verdict.text);
    assert(verdict.text.startsWith(`${breach} (`), verdict.text);
  });
}

function holds(
  name: string,
  { of, expect = {} }: { of: Event[]; expect?: Partial<Verdict["counts"]> },
): void {
  Deno.test(`the checker: nothing is wrong with ${name}`, () => {
    const verdict = check(of);
    assertEquals(verdict.text, "");
    for (const [key, count] of Object.entries(expect)) {
      assertEquals(verdict.counts[key as keyof Verdict["counts"]], count, key);
    }
  });
}

holds("no history at all", { of: [], expect: { events: 0 } });

holds("a message that is sent, shown and there at the end", {
  of: history(...sent, end("1", 1), end("2", 1)),
  expect: { acknowledged: 1, unproven: 0, entries: 1, sightings: 2 },
});

shows("an acknowledged message that is not there at the end is lost", {
  ...{ breach: "lost", events: 3 },
  of: history(invoke("1", "a"), ok("1", "a", 1), end("1", 0), end("2", 0)),
});

Deno.test("the checker: an acknowledged message whose number is another message's is lost", () => {
  const verdict = check(history(
    ...[invoke("1", "a"), ok("1", "a", 1), invoke("2", "b"), ok("2", "b", 1)],
    ...[shown("1", "b", 1, { from: 2 }), end("1", 1), end("2", 1)],
  ));
  assertEquals(verdict.breaches, new Map<Breach, number>([["moved", 1], ["lost", 1]]), verdict.text);
});

holds("an acknowledged message of which nobody who holds all says anything", {
  of: history(invoke("1", "a"), ok("1", "a", 2), shown("2", "a", 2), end("2", 2, { from: 2 })),
  expect: { acknowledged: 1, unproven: 1 },
});

holds("messages of which nobody knows what became: one is there, one is not", {
  of: history(
    ...[
      invoke("1", "a"),
      unknown("1", "a"),
      invoke("1", "b"),
      refused("1", "b", 108),
    ],
    ...[shown("2", "a", 1), end("2", 1)],
  ),
  expect: { unknown: 2, refused: 0 },
});

shows("a message that is sent again is stored again", {
  ...{ breach: "stored twice", events: 3 },
  of: history(
    ...[invoke("1", "a"), shown("2", "a", 1), invoke("1", "a"), ok("1", "a", 2), shown("2", "a", 2)],
    ...[end("2", 2)],
  ),
});

shows("a message that is acknowledged under two numbers", {
  ...{ breach: "stored twice", events: 3 },
  of: history(invoke("1", "a"), ok("1", "a", 1), ok("1", "a", 2)),
});

holds("a message that is sent again and acknowledged with its first number", {
  of: history(...sent, invoke("1", "a"), ok("1", "a", 1), end("1", 1), end("2", 1)),
  expect: { sent: 1, attempts: 2 },
});

shows("two messages, one sent after the other was acknowledged, in the other order", {
  ...{ breach: "order", events: 4 },
  of: history(
    ...[invoke("1", "a"), ok("1", "a", 2), invoke("1", "b"), ok("1", "b", 1)],
    ...[shown("2", "b", 1), shown("2", "a", 2), end("1", 2), end("2", 2)],
  ),
});

shows("two messages, sent one behind the other, in the other order", {
  ...{ breach: "order", events: 4 },
  of: history(invoke("1", "a"), invoke("1", "b"), ok("1", "a", 2), shown("2", "b", 1)),
});

holds("a message that was refused for the moment and is sent again behind a later one", {
  of: history(
    ...[invoke("1", "a"), invoke("1", "b"), refused("1", "a", 108), ok("1", "b", 1)],
    ...[invoke("1", "a"), ok("1", "a", 2), end("1", 2)],
  ),
});

holds("two devices of a user that write at once", {
  of: history(invoke("1/a", "a"), ok("1/a", "a", 2), invoke("1/b", "b"), ok("1/b", "b", 1)),
});

shows("one number, two messages", {
  ...{ breach: "moved", events: 3 },
  of: history(invoke("1", "a"), invoke("1", "b"), shown("2", "a", 1), shown("3", "b", 1))
    .map((event) => ({ ...event, conv: "g1" }) as Event),
});

holds(
  "a log that is shown again from an earlier number just before somebody notices that it is another one",
  {
    of: history(
      ...[invoke("1", "a"), ok("1", "a", 1), shown("2", "a", 1), invoke("1", "b"), ok("1", "b", 2)],
      ...[shown("2", "b", 2), invoke("3", "c"), ok("3", "c", 1), shown("2", "c", 1, { from: 3 })],
      ...[login("2", "2b", { log: "B" })],
    ).map((event) => "conv" in event ? { ...event, conv: "g1" } : event),
  },
);

holds("one number, two messages, in two logs", {
  of: history(
    ...[...sent, invoke("1", "b", { log: "B" }), ok("1", "b", 1, { log: "B" })],
    ...[invoke("1", "a", { log: "B" }), ok("1", "a", 2, { log: "B" }), shown("2", "b", 1, { log: "B" })],
    ...[shown("2", "a", 2, { log: "B" }), end("1", 2, { log: "B" }), end("2", 2, { log: "B" })],
  ),
  expect: { logs: 2, acknowledged: 2, unproven: 0 },
});

holds("what was lost, sent again after what was written before anybody noticed the loss", {
  of: history(
    ...[invoke("1", "a"), ok("1", "a", 1), invoke("2", "b"), ok("2", "b", 1)],
    ...[
      read("3", "b", 1, { from: 2 }),
      invoke("1", "c"),
      ok("1", "c", 2),
      invoke("1", "a"),
      ok("1", "a", 3),
      read("3", "a", 3),
      login("1", "1b", { log: "B" }),
    ],
  ).map((event) => "conv" in event ? { ...event, conv: "g1" } : event),
});

shows("what was acknowledged in one log is lost in the next", {
  ...{ breach: "lost", events: 3 },
  of: history(...sent, end("1", 0, { log: "B" }), end("2", 0, { log: "B" })),
});

holds("what was acknowledged in a log that is gone, by a client that never came to the next one", {
  of: history(...sent, end("2", 0, { log: "B" })),
  expect: { acknowledged: 1, unproven: 0, gone: 1 },
});

holds(
  "what was acknowledged in a log that is gone, by a client that ended as soon as it came to the next one",
  {
    of: history(...sent, login("1", "1b", { log: "B" }), left("1", "1b"), end("2", 0, { log: "B" })),
    expect: { acknowledged: 1, unproven: 0, gone: 1 },
  },
);

shows("what was acknowledged in a log that is gone, by a client that had the time to send it again", {
  ...{ breach: "lost", events: 3 },
  of: history(
    ...[...sent, login("1", "1b", { log: "B" }), login("1", "1c", { log: "B", t: 9000 })],
    end("2", 0, { log: "B", t: 9000 }),
  ),
});

shows("a client has seen what is not there at the end", {
  ...{ breach: "disappeared", events: 2 },
  of: history(invoke("1", "a"), shown("2", "a", 1), end("1", 0)),
});

shows("a client ends without a number", {
  ...{ breach: "gap", events: 2 },
  of: history(...sent, invoke("1", "b"), ok("1", "b", 2), end("1", 2), end("2", 2)),
});

holds("a member who joined later and one who left", {
  of: history(
    ...[...sent, invoke("1", "b"), ok("1", "b", 2), shown("4", "b", 2)],
    ...[end("1", 2), end("2", 1, { member: false }), end("4", 2, { from: 2 })],
  ).map((event) => ({ ...event, conv: "g1" }) as Event),
});

Deno.test("the checker: of clients that send one message at a time, a refused one comes before the next", () => {
  const of = history(
    ...[invoke("1", "a"), invoke("1", "b"), refused("1", "a", 108), ok("1", "b", 1)],
    ...[invoke("1", "a"), ok("1", "a", 2)],
  );
  assertEquals(check(of).text, "");
  const { breaches } = check(of, { oneAtATime: true, mayGoBack: false });
  assertEquals(breaches, new Map<Breach, number>([["order", 1]]));
});

shows("a member sees what was said before it joined", {
  ...{ breach: "not theirs", events: 2 },
  of: history(
    ...[...sent, invoke("1", "b"), ok("1", "b", 2), shown("2", "b", 2)],
    ...[end("1", 2), read("2 history", "b", 2), end("2 history", 2, { from: 2, all: true })],
  ),
});

shows("a member who left sees what comes after", {
  ...{ breach: "not theirs", events: 2 },
  of: history(...sent, end("1", 1), end("2", 0, { member: false }))
    .map((event) => ({ ...event, conv: "g1" }) as Event),
});

shows("clients end at different numbers", {
  ...{ breach: "ends differ", events: 2 },
  of: history(...sent, end("1", 1), end("2", 1), end("1 new", 0)),
});

shows("clients end with different logs", {
  ...{ breach: "ends differ", events: 2 },
  of: history(end("1", 0), end("2", 0, { log: "B" })),
});

shows("a client shows a number twice", {
  ...{ breach: "shown twice", events: 2 },
  of: history(...sent, shown("2", "a", 1)),
});

shows("a client shows a number after a higher one", {
  ...{ breach: "shown late", events: 2 },
  of: history(invoke("1", "a"), invoke("1", "b"), shown("2", "b", 2), shown("2", "a", 1)),
});

holds("history that is read in any order, again and again", {
  of: history(
    ...sent,
    invoke("1", "b"),
    shown("2", "b", 2),
    read("2", "b", 2),
    read("2", "a", 1),
    read("2", "a", 1),
  ),
});

shows("a message is there although it was refused", {
  ...{ breach: "refused", events: 3 },
  of: history(invoke("1", "a"), refused("1", "a", 109), shown("2", "a", 1)),
});

holds("a message that was refused after an attempt of which nobody knows what became", {
  of: history(
    ...[
      invoke("1", "a"),
      unknown("1", "a"),
      invoke("1", "a"),
      refused("1", "a", 109),
    ],
    shown("2", "a", 1),
  ),
});

shows("a message that nobody sent", {
  ...{ breach: "from nowhere", events: 1 },
  of: history(shown("2", "a", 1), shown("1", "a", 1)),
});

shows("a message with another text than was sent", {
  ...{ breach: "altered", events: 2 },
  of: history(invoke("1", "a", { text: "hello" }), shown("2", "a", 1, { text: "hullo" })),
});

shows("a message in another conversation than it was sent to", {
  ...{ breach: "altered", events: 2 },
  of: history(invoke("1", "a"), shown("2", "a", 1, { conv: "g1" })),
});

holds("entries that have no mid", {
  of: history(
    { type: "shown", client: "1", seq: 1, from: 2, text: "asks to be a friend" },
    { type: "read", client: "2", seq: 1, from: 2, text: "asks to be a friend" },
    ...[end("1", 1), end("2", 1)],
  ),
});

shows("a session that began after a recall is shown the text", {
  breach: "recalled",
  events: 3,
  of: history(
    ...[invoke("1", "a", { text: "x" }), ok("1", "a", 1), recalled("1", 1)],
    ...[{ type: "logging in", client: "2", session: "s" } as const, login("2", "s")],
    ...[shown("2", "a", 1, { text: "x", session: "s" }), end("2", 1), end("1", 1)],
  ),
});

shows("a reader is given a text after its recall", {
  breach: "recalled",
  events: 2,
  of: history(
    ...[invoke("1", "a", { text: "x" }), recalled("1", 1), read("2", "a", 1, { text: "x" }), end("2", 1)],
  ),
});

holds("a session that began before a recall, and what is shown without its text", {
  of: history(
    ...[{ type: "logging in", client: "2", session: "s" } as const, login("2", "s")],
    ...[invoke("1", "a", { text: "x" }), ok("1", "a", 1), recalled("1", 1)],
    ...[shown("2", "a", 1, { text: "x", session: "s" }), read("1 later", "a", 1), end("2", 1), end("1", 1)],
  ),
});

shows("somebody is shown what two others say", {
  ...{ breach: "not theirs", events: 1 },
  of: history(invoke("1", "a"), shown("3", "a", 1)),
});

shows("a client confirms more than it was shown", {
  ...{ breach: "receipt", events: 2 },
  of: history(...sent, receipt("2", 2)),
});

shows("somebody is told of more than was confirmed", {
  ...{ breach: "receipt", events: 2 },
  of: history(...sent, receipt("2", 1), receiptSeen("1", 2, 2)),
});

shows("somebody is told that what is only delivered was read", {
  ...{ breach: "receipt", events: 1 },
  of: history(
    ...sent,
    receipt("2", 1),
    receipt("2", 0, { upTo: "read" }),
    receiptSeen("1", 2, 2, { upTo: "read" }),
  ),
});

shows("a receipt of somebody who is not in the conversation", {
  ...{ breach: "not theirs", events: 1 },
  of: history(...sent, receipt("2", 1), receiptSeen("1", 3, 0)),
});

holds("receipts of what was shown, and of what the server says was delivered before", {
  of: history(
    ...[
      ...sent,
      receipt("2", 1),
      receiptSeen("1", 2, 1),
      login("2", "2b", { log: "B", delivered: { "u1-2": 7 } }),
    ],
    ...[receipt("2", 7, { log: "B" }), receiptSeen("1", 2, 7, { log: "B" })],
    ...[receipt("2", 7, { log: "B", upTo: "read" }), receiptSeen("1", 2, 7, { log: "B", upTo: "read" })],
  ),
  expect: { receipts: 6 },
});

holds("a session that was replaced just before somebody noticed that its lease had gone with the log", {
  of: history(
    ...[login("1", "x"), login("1 new", "y"), invoke("1", "a", { session: "x" })],
    ...[ok("1", "a", 1, { session: "x" }), login("2", "2b", { log: "B" }), read("2", "a", 1, { log: "B" })],
  ),
});

shows("a replaced session is acknowledged what it sends", {
  ...{ breach: "served on", events: 3 },
  of: history(
    ...[
      login("1", "x"),
      login("1 new", "y"),
      invoke("1", "a", { session: "x" }),
      invoke("1 new", "a", { session: "y" }),
    ],
    ...[invoke("1", "a", { session: "x" }), ok("1", "a", 1, { session: "x" })],
  ),
});

shows("what only a replaced session has sent is there", {
  ...{ breach: "served on", events: 2 },
  of: history(
    ...[login("1", "x"), login("1 new", "y"), invoke("1", "a", { session: "x" }), shown("2", "a", 1)],
  ),
});

shows("a replaced session is pushed what was sent after its end", {
  ...{ breach: "served on", events: 3 },
  of: history(login("2", "x"), login("2 new", "y"), invoke("1", "a"), shown("2", "a", 1, { session: "x" })),
});

shows("a replaced session is acknowledged late what it sent in time", {
  ...{ breach: "served on", events: 3 },
  of: history(
    ...[login("1", "x"), invoke("1", "a", { session: "x" }), login("1 new", "y")],
    ok("1", "a", 1, { session: "x", t: 1500 }),
  ),
});

holds("a session that is replaced while its message is under way, and another device", {
  of: history(
    ...[
      login("1", "x"),
      invoke("1", "a", { session: "x" }),
      login("1 new", "y"),
      login("1/phone", "z", { device: "p" }),
    ],
    ...[
      ok("1", "a", 1, { session: "x" }),
      invoke("1 new", "b", { session: "y" }),
      ok("1 new", "b", 2, { session: "y" }),
    ],
  ),
});

shows("a user is said to be online long after the last session", {
  ...{ breach: "ghost", events: 2 },
  of: history(login("1", "x"), left("1", "x", { t: 1000 }), presence("2", 1, { t: 11_001 })),
});

shows("a user is shown as online until long after the last session", {
  ...{ breach: "ghost", events: 2 },
  of: history(
    ...[login("1", "x"), presence("2", 1), left("1", "x", { t: 1000 })],
    presence("2", 1, { state: "offline", t: 11_001 }),
  ),
});

shows("a user is still shown as online at the end", {
  ...{ breach: "ghost", events: 2 },
  of: history(login("1", "x"), presence("2", 1), left("1", "x", { t: 1000 }), {
    type: "note",
    text: "",
    t: 11_001,
  }),
});

holds("a user who is shown as online before it hears that it is", {
  of: history(
    ...[
      login("1", "x"),
      left("1", "x", { t: 1000 }),
      { type: "logging in", client: "1", t: 20_000 } as const,
    ],
    ...[presence("2", 1, { t: 20_001 }), login("1", "y", { t: 20_002 }), left("1", "y", { t: 20_003 })],
  ),
});

shows("a user is shown as online long after a login that nothing came of", {
  ...{ breach: "ghost", events: 2 },
  of: history(
    ...[
      login("1", "x"),
      left("1", "x", { t: 1000 }),
      { type: "logging in", client: "1", t: 20_000 } as const,
    ],
    ...[left("1", "x", { t: 21_000 }), presence("2", 1, { t: 31_001 })],
  ),
});

holds("users who are shown as online while they are, or while nobody can know", {
  of: history(
    ...[login("1", "x"), presence("2", 1), left("1", "x", { t: 1000 }), presence("2", 1, { t: 10_999 })],
    ...[
      login("1", "y", { t: 11_000 }),
      left("1", "y", { how: "silent", t: 12_000 }),
      presence("2", 1, { t: 60_000 }),
    ],
    ...[
      left("2", "2", { t: 70_000 }),
      { type: "note", text: "the end", t: 900_000 },
      presence("2", 3),
    ] as Draft[],
  ),
});

Deno.test("the checker: says each breach once, with its number and its shortest excerpt", () => {
  const moved = history(invoke("1", "a"), shown("2", "a", 1), read("2", "b", 1), read("2", "c", 1));
  const verdict = check(moved);
  assertEquals(verdict.breaches, new Map<Breach, number>([["from nowhere", 2], ["moved", 2]]));
  assertEquals(verdict.text.split("\n").filter((line) => line.startsWith("moved (2): ")).length, 1);
  assert(verdict.text.includes(`    ${lineOf(moved[1]!)}`), verdict.text);
});

Deno.test("a history: is read from the lines that it was written to", () => {
  const events = history(
    ...sent,
    receipt("2", 1),
    login("1", "x", { delivered: { "u1-2": 1 } }),
    end("1", 1),
  );
  const again = [...parseLines(events.map(lineOf))];
  assertEquals(again.map(({ t, type }) => ({ t, type })), events.map(({ t, type }) => ({ t, type })));
  assertEquals(check(again), check(events));
});

Deno.test("a history: says which line is no event", () => {
  for (const line of ['{"type":"ok"', '{"type":"okay","t":0}', '{"type":"note","t":"0","text":""}']) {
    assertThrows(
      () => [...parseLines(['{"type":"note","t":0,"text":""}', "", line])],
      HistoryError,
      "line 3",
    );
  }
});
