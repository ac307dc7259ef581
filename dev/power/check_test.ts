import { assertEquals } from "@std/assert";
import { compare, type Found } from "./check.ts";
import { textOf } from "./text.ts";

const message = (seq: number, mid: string, conv = "g1"): Found => (
  { conv, seq, sender: 1, mid, text: textOf(mid, 40) }
);
const acknowledged = [{ mid: "1-1", conv: "g1", seq: 1 }, { mid: "1-2", conv: "g1", seq: 2 }];
const check = (...found: Found[]) => compare(found, { acknowledged, people: [] });

Deno.test("check: whatever is acknowledged is there, in its place, and more may be", () => {
  assertEquals(check(message(1, "1-1"), message(2, "1-2"), message(3, "1-3")), { lost: 0, flaws: [] });
  assertEquals(check(message(1, "1-1")), { lost: 1, flaws: [] });
  assertEquals(check(), { lost: 2, flaws: [] });
  assertEquals(check(message(1, "1-2"), message(2, "1-1")), { lost: 2, flaws: [] });
});

Deno.test("check: holes, repeated messages and damaged texts are found", () => {
  assertEquals(check(message(1, "1-1"), message(3, "1-2")).flaws, [
    "g1 has message 3 where message 2 should be",
  ]);
  assertEquals(check(message(1, "1-1"), message(2, "1-2"), message(1, "1-2", "g2")).flaws, [
    "g2 1: 1-2 is stored twice",
  ]);
  const damaged = { ...message(2, "1-2"), text: textOf("1-2", 39) + "x" };
  assertEquals(check(message(1, "1-1"), damaged).flaws, ["g1 2: not the text of 1-2"]);
});
