import { assertEquals } from "@std/assert";
import { Encoder } from "./encoder.ts";

Deno.test("encoder: the bytes are those of TextEncoder, and stay as they were given", () => {
  // Always the same texts: what matters is their variety.
  let state = 20261124;
  const random = (below: number) => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
  const letters = ["a", "é", "語", "👩", "\u0000", "\ud800"];
  const encoder = new Encoder();
  const utf8 = new TextEncoder();
  const given = Array.from({ length: 2000 }, () => {
    const text = Array.from({ length: random(random(20) === 0 ? 5000 : 200) }, () => letters[random(6)]).join(
      "",
    );
    return { text, bytes: encoder.encode(text) };
  });
  for (const { text, bytes } of given) assertEquals(bytes, utf8.encode(text));
});
