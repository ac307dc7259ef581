import { assertEquals } from "@std/assert";
import { Acknowledged } from "./acknowledged.ts";

const item = (text: string) => ({ text });

Deno.test("acknowledged: the last ten minutes are kept, in order, and given once", () => {
  let now = 0;
  const kept = new Acknowledged<{ text: string }>(() => now);
  for (const text of ["old", "newer", "newest"]) {
    kept.add(item(text));
    now += 5 * 60 * 1000;
  }
  assertEquals(kept.take().map(({ text }) => text), ["newer", "newest"]);
  assertEquals(kept.take(), []);
});

Deno.test("acknowledged: no more than 500 messages and a million characters are kept", () => {
  const kept = new Acknowledged<{ text: string }>(() => 0);
  for (let n = 1; n <= 700; n++) kept.add(item(`${n}`));
  const many = kept.take();
  assertEquals([many.length, many[0]?.text], [500, "201"]);
  for (let n = 1; n <= 5; n++) kept.add(item(`${n}`.repeat(400_000)));
  assertEquals(kept.take().map(({ text }) => text[0]), ["4", "5"]);
});
