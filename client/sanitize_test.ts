import { assertEquals } from "@std/assert";
import { sanitize } from "./sanitize.ts";

Deno.test("escape sequences, C0, DEL and C1 come out visible and harmless", () => {
  assertEquals(sanitize("\x1b[2J\x07\x00\x7f\x9b1m"), "␛[2J␇␀␡\ufffd1m");
});

Deno.test("line ends of every kind become one mark, so that a message stays one line", () => {
  assertEquals(sanitize("a\r\nb\nc\rd\u2028e\u2029f"), "a⏎b⏎c⏎d⏎e⏎f");
});

Deno.test("marks that reorder text are replaced", () => {
  for (const mark of "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff") {
    assertEquals(sanitize(`a${mark}b`), "a\ufffdb");
  }
});

Deno.test("ordinary text of any language stays, half a surrogate pair does not", () => {
  assertEquals(sanitize("你好 שלום 👩‍👩‍👧 é"), "你好 שלום 👩‍👩‍👧 é");
  assertEquals(sanitize("a\ud800b\tc"), "a\ufffdb c");
});
