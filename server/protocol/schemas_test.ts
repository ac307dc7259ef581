import { assertEquals } from "@std/assert";
import { Refusal } from "../errors.ts";
import { Msg } from "./msgid.ts";
import { checkFrame, SCHEMAS } from "./schemas.ts";

const VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -0,
  -1,
  1.5,
  7,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  1e400,
  "",
  "7",
  "m-1_Z",
  "m 1",
  "m\n",
  "x".repeat(40),
  "x".repeat(41),
  "👩".repeat(40),
  "\ud800",
  "u1-2",
  "u1-2\n",
  "u01-2",
  "g5",
  `g${"1".repeat(39)}`,
  `g${"1".repeat(40)}`,
  "delivered",
  "read",
  "Read",
  [],
  ["read"],
  {},
];
const FIELDS = ["toid", "groupid", "msg", "mid", "conv", "seq", "kind", "re"] as const;
const GOOD = { toid: 7, groupid: 7, msg: "hi", mid: "m-1", conv: "u1-2", seq: 5, kind: "read", more: 1 };

for (const name of ["CHAT", "GROUP_CHAT", "RECEIPT"] as const) {
  Deno.test(`schemas: ${name} is taken exactly as its schema takes it, whatever two fields hold`, () => {
    for (const one of FIELDS) {
      for (const other of FIELDS) {
        for (const a of VALUES) {
          for (const b of VALUES) {
            const body: Record<string, unknown> = { ...GOOD, [one]: a, [other]: b };
            for (const key of FIELDS) if (body[key] === undefined) delete body[key];
            compare(Msg[name], body);
          }
        }
      }
    }
  });
}

function compare(msgid: 6 | 11 | 13, body: Record<string, unknown>): void {
  const bySchema = SCHEMAS[msgid].safeParse(body);
  try {
    const frame = checkFrame(msgid, body);
    assertEquals(bySchema.success, true, JSON.stringify(body));
    assertEquals(frame, bySchema.data as typeof frame);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    assertEquals(bySchema.success, false, JSON.stringify(body));
  }
}

Deno.test("schemas: the quick forms know every field", () => {
  assertEquals(Object.keys(SCHEMAS[Msg.CHAT].shape), ["toid", "msg", "re", "mid"]);
  assertEquals(Object.keys(SCHEMAS[Msg.GROUP_CHAT].shape), ["groupid", "msg", "re", "mid"]);
  assertEquals(Object.keys(SCHEMAS[Msg.RECEIPT].shape), ["conv", "seq", "kind"]);
});

/** The fields of the frame, or the errno and what is said of it. */
function taken(msgid: 25 | 14, body: Record<string, unknown>): unknown {
  try {
    return checkFrame(msgid, body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `${error.errno} ${error.message}`;
  }
}

Deno.test("schemas: an EVENT has the fields of its kind, and others are ignored", () => {
  const common = { conv: "u1-2", mid: "m" };
  assertEquals(taken(Msg.EVENT, { ...common, kind: "edit", ref: 3, msg: "x", emoji: "!", id: 9 }), {
    ...common,
    kind: "edit",
    ref: 3,
    msg: "x",
  });
  assertEquals(taken(Msg.EVENT, { ...common, kind: "recall", ref: 3, rid: "r-1" }), {
    ...common,
    kind: "recall",
    ref: 3,
    rid: "r-1",
  });
  const wrong: [Record<string, unknown>, string][] = [
    [{ kind: "edit", ref: 3 }, '100 "msg" is missing'],
    [{ kind: "edit", msg: "x" }, '100 "ref" is missing'],
    [{ kind: "recall", ref: 0 }, '100 "ref" must be at least 1'],
    [{ kind: "recall", ref: "3" }, '100 "ref" must be a number'],
    [{ kind: "recall", ref: 3, mid: undefined }, '100 "mid" is missing'],
    [
      { kind: "recall", ref: 3, conv: "x" },
      '100 "conv" names no conversation; one looks like "u3-7" or "g5"',
    ],
    [{ kind: "recall", ref: 3, rid: "r 1" }, '100 "rid" may have 0-9 A-Z a-z _ and - only'],
    [{ kind: "recall", ref: 3, rid: "r".repeat(41) }, '107 "rid" is longer than 40 characters'],
  ];
  for (const [body, said] of wrong) {
    const all: Record<string, unknown> = { ...common, ...body };
    if (all.mid === undefined) delete all.mid;
    assertEquals(taken(Msg.EVENT, all), said);
  }
  for (const kind of ["chat", "request", "nonsense", "toString", 7]) {
    assertEquals(String(taken(Msg.EVENT, { ...common, kind, ref: 1 })).slice(0, 10), '100 "kind"', `${kind}`);
  }
});

Deno.test("schemas: a reaction is one sign, however it is put together", () => {
  const react = (emoji: unknown) =>
    typeof taken(Msg.EVENT, { conv: "g1", mid: "m", kind: "react", ref: 1, on: true, emoji }) === "object";
  for (const one of ["👍", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "é", "e\u0301", "1️⃣", "❤️", "好", "x"]) {
    assertEquals(react(one), true, one);
  }
  const long = "e" + "\u0301".repeat(32);
  for (const none of ["", " ", "\n", "\u200b", "\u202e", "ab", "👍👍", "\ud800", "\0", long, 1, null]) {
    assertEquals(react(none), false, JSON.stringify(none));
  }
});

Deno.test("schemas: any request may have an id of its own", () => {
  assertEquals(taken(Msg.PING, { rid: "a" }), { rid: "a" });
  assertEquals(taken(Msg.PING, {}), {});
  assertEquals(taken(Msg.PING, { rid: 5 }), '100 "rid" must be a string');
  assertEquals(checkFrame(Msg.CHAT, { toid: 1, msg: "x", mid: "m", rid: "a" }), {
    toid: 1,
    msg: "x",
    mid: "m",
    rid: "a",
  });
});
