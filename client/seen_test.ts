import { assertEquals } from "@std/assert";
import { Seen } from "./seen.ts";

Deno.test("what comes again is known, in order or not", () => {
  const seen = new Seen();
  assertEquals([1, 2, 2, 4, 1, 4, 3, 3].map((seq) => seen.add("u1-2", seq)), [
    ...[true, true, false, true],
    ...[false, false, true, false],
  ]);
  assertEquals(seen.top("u1-2"), 4);
  assertEquals(seen.add("g1", 1), true);
});

Deno.test("own numbers close the gap", () => {
  const seen = new Seen();
  seen.add("g1", 1);
  seen.add("g1", 3);
  assertEquals(seen.top("g1"), 1);
  seen.add("g1", 2);
  assertEquals(seen.top("g1"), 3);
});

Deno.test("upTo swallows what it passes and joins what follows", () => {
  const seen = new Seen();
  for (const seq of [4, 6, 7, 9]) seen.add("g1", seq);
  seen.upTo("g1", 5);
  assertEquals(seen.top("g1"), 7);
  seen.upTo("g1", 2);
  assertEquals(seen.top("g1"), 7);
  assertEquals(seen.add("g1", 9), false);
});

Deno.test("a hole that never closes is given up in the end", () => {
  const seen = new Seen();
  for (let seq = 2; seq < 2000; seq++) seen.add("g1", seq);
  assertEquals(seen.top("g1"), 1999);
});
