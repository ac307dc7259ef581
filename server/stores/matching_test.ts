import { assertEquals } from "@std/assert";
import { needleOf } from "./matching.ts";

const finds = (text: string, wanted: string) => needleOf(wanted).matches(JSON.stringify(text));

Deno.test("matching: parts of a text, without regard to case, in any script", () => {
  assertEquals(finds("Hello there", "LO TH"), true);
  assertEquals(finds("ПРИВЕТ", "ивет"), true);
  assertEquals(finds("昨天王芳来了", "王芳"), true);
  assertEquals(finds("昨天王芳来了", "王来"), false);
  assertEquals(finds("ok 👍🏽!", "👍🏽"), true);
  assertEquals(finds("ok 👍", "👎"), false);
});

Deno.test("matching: every character stands for itself, and escapes are not part of the text", () => {
  for (const sign of ["%a", "_a", "\\a", '"a', "*a", "a\u0000", "a\nb", "''"]) {
    assertEquals(finds(`xx${sign}yy`, sign), true, sign);
    assertEquals(finds("xxaayy", sign), false, sign);
  }
  assertEquals(finds("one\ntwo", "ntwo"), false);
  assertEquals(finds("\ud83d alone", "ud83d"), false);
  assertEquals(finds("\ud83d alone", " alone"), true);
});

Deno.test("matching: the literal is in every body that matches, but for its case", () => {
  for (const text of ["a\\b", 'say "yes"', "tab\there", "Ärger", "\u0001\u0002"]) {
    assertEquals(
      JSON.stringify(text).toLowerCase().includes(needleOf(text.toUpperCase()).literal),
      true,
      text,
    );
  }
});

Deno.test("matching: a recalled text matches nothing", () => {
  assertEquals(needleOf("ab").matches(""), false);
  assertEquals(needleOf("ab").matches('{"ab":"ab"}'), false);
});
