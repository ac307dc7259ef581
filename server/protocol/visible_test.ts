import { assertEquals } from "@std/assert";
import { isVisible } from "./visible.ts";

Deno.test("visible: format characters are not, other than in emoji", () => {
  const visible = ["ann", "王芳", "José", "J̌", "नमस्ते", "👩‍💻", "❤️", "1️⃣ a", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "👍🏽"];
  for (const text of visible) assertEquals(isVisible(text), true, text);
  const invisible = [
    "a\u200bb", // zero width space
    "a\u200db", // a joiner that joins no emoji
    "a\ufe0f", // a variation selector after a letter
    "\u202ea", // right-to-left override
    "\u2066a\u2069", // isolates
    "a\u00ad", // soft hyphen
    "\u3164", // Hangul filler
    "\u2800", // blank Braille pattern
    "a\u{e0041}", // a tag that belongs to no flag
    "\u061c", // Arabic letter mark
  ];
  for (const text of invisible) assertEquals(isVisible(text), false, JSON.stringify(text));
});
