import { assertEquals } from "@std/assert";
import { matchOf } from "./terms.ts";

const none = () => [];

Deno.test("terms: a text is looked up by its parts of three characters", () => {
  assertEquals(matchOf("abc", none), '"abc"');
  assertEquals(matchOf("abcde", none), '"abc" AND "bcd" AND "cde"');
  assertEquals(matchOf("👍王芳 ", none), '"👍王芳" AND "王芳 "');
  assertEquals(matchOf('a"" OR', none), '"a""""" AND """"" " AND """ O" AND " OR"');
});

Deno.test("terms: of a long text by some of them", () => {
  const long = Array.from({ length: 100 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("");
  assertEquals(matchOf(long, none)!.split(" AND ").length, 11);
});

Deno.test("terms: two characters are looked up by all that begins with them", () => {
  const terms = (begin: string) => ["x", "y"].map((end) => begin + end);
  assertEquals(matchOf("王芳", terms), '"王芳x" OR "王芳y"');
  assertEquals(matchOf("王芳", none), "", "nothing has them");
  assertEquals(matchOf("th", () => Array(501).fill("the")), undefined, "nearly everything has them");
});
