import { assertEquals } from "@std/assert";
import { KnownNumbers } from "./known.ts";

Deno.test("known numbers: what was heard moves them by one, never by more, and never back", () => {
  const known = new KnownNumbers();
  known.hear("g1", 7);
  assertEquals(known.newest("g1"), undefined, "nothing to be one more than");
  known.note("g1", 7);
  for (const [seq, newest] of [[7, 7], [3, 7], [8, 8], [9, 9], [11, undefined], [10, undefined]] as const) {
    known.hear("g1", seq);
    assertEquals(known.newest("g1"), newest, `after ${seq}`);
  }
  known.note("g1", 12);
  assertEquals(known.newest("g1"), 12);
});

Deno.test("known numbers: a doubtful number is still known to be committed", () => {
  const known = new KnownNumbers();
  known.note("g1", 7);
  known.doubt("g1");
  assertEquals([known.newest("g1"), known.committed("g1")], [undefined, 7]);
  known.note("g1", 7);
  known.note("g2", 1);
  known.doubtAll();
  assertEquals([known.newest("g1"), known.newest("g2"), known.committed("g2")], [undefined, undefined, 1]);
  known.forgetAll();
  assertEquals(known.committed("g1"), undefined);
});

Deno.test("known numbers: what is heard does not take the place of the entry that this node has written", () => {
  const known = new KnownNumbers();
  const own = { seq: 4, sender: 2, key: "own" };
  known.note("u1-2", 4, own);
  known.hear("u1-2", 5, { seq: 5, sender: 1, key: "heard" });
  assertEquals([known.newest("u1-2"), known.entry("u1-2")], [5, own]);
});

Deno.test("known numbers: those touched last are the last, and the oldest go first", () => {
  const known = new KnownNumbers({ most: 3 });
  for (const conv of ["a", "b", "c", "a", "d"]) known.note(conv, 1);
  assertEquals(known.latest(10), ["c", "a", "d"]);
  assertEquals(known.latest(1), ["d"]);
});
