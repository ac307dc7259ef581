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
const FIELDS = ["toid", "groupid", "msg", "mid", "conv", "seq", "kind"] as const;
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
  assertEquals(Object.keys(SCHEMAS[Msg.CHAT].shape), ["toid", "msg", "mid"]);
  assertEquals(Object.keys(SCHEMAS[Msg.GROUP_CHAT].shape), ["groupid", "msg", "mid"]);
  assertEquals(Object.keys(SCHEMAS[Msg.RECEIPT].shape), ["conv", "seq", "kind"]);
});
