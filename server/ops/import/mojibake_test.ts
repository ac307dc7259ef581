import { assertEquals } from "@std/assert";
import { Mojibake } from "./mojibake.ts";

const mojibake = new Mojibake();
const restore = (text: string) => {
  const { text: restored, how } = mojibake.restore(text);
  return [restored, how];
};
/** As a database keeps UTF-8 that comes over a connection that says GBK. */
const spoilt = (text: string) => new TextDecoder("gbk").decode(new TextEncoder().encode(text));

Deno.test("mojibake: texts that were stored as GBK are UTF-8 again", () => {
  assertEquals(restore("鐜嬭姵"), ["王芳", "restored"]);
  assertEquals(spoilt("王芳"), "鐜嬭姵");
  for (
    const text of ["你好", "密码密码12", "王芳 ann 王芳", "你好，世界！", '{"msg":"你好","name":"王芳"}']
  ) {
    assertEquals(restore(spoilt(text)), [text, "restored"]);
  }
});

Deno.test("mojibake: ASCII needs nothing, and what is no mojibake is kept", () => {
  assertEquals(restore("ann's \\ secret"), ["ann's \\ secret", "plain"]);
  assertEquals(restore("中文"), ["中文", "kept"]);
  assertEquals(restore("café"), ["café", "kept"]);
  assertEquals(restore("😀"), ["😀", "kept"]);
});

Deno.test("mojibake: a lost byte costs one character, and is told", () => {
  // An odd number of bytes: the last one has no partner, and the database keeps a question mark in its place.
  assertEquals(restore(spoilt("王芳").slice(0, -1) + "?"), ["王\ufffd", "lost"]);
  assertEquals(restore("鐜嬭姵\ufffd"), ["王芳\ufffd", "lost"]);
});
