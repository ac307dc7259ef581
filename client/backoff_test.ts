import { assertEquals } from "@std/assert";
import { Backoff } from "./backoff.ts";

Deno.test("the bound doubles from 0.5 s to 15 s and starts over after a success", () => {
  const longest = new Backoff(() => 1);
  assertEquals(Array.from({ length: 8 }, () => longest.next()), [
    500,
    1000,
    2000,
    4000,
    8000,
    15000,
    15000,
    15000,
  ]);
  longest.reset();
  assertEquals(longest.next(), 500);
});

Deno.test("the wait is anything from 0 to the bound", () => {
  assertEquals(new Backoff(() => 0).next(), 0);
  assertEquals(new Backoff(() => 0.5).next(), 250);
});
