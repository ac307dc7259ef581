import { assertEquals, assertMatch } from "@std/assert";
import { errorLine, formatTime, historyLine, markLine, pushLine } from "./format.ts";

const at = new Date(2026, 10, 22, 12, 7, 21).getTime();
const place = { conv: "u1-2", seq: 5, at };

Deno.test("times are local, and nonsense stays one line", () => {
  assertEquals(formatTime(at), "2026-11-22 12:07:21");
  assertEquals(formatTime(1e300), "????-??-?? ??:??:??");
});

Deno.test("one line for each kind of message", () => {
  assertEquals(
    pushLine({ msgid: 6, id: 2, name: "bob", msg: "hello", ...place }, 0),
    "2026-11-22 12:07:21 [2] bob: hello",
  );
  assertEquals(
    pushLine({ msgid: 11, id: 2, name: "bob", groupid: 4, msg: "a\nb", ...place }, 0),
    "2026-11-22 12:07:21 (group 4) [2] bob: a⏎b",
  );
  assertEquals(
    pushLine({ msgid: 7, from: 2, name: "bob", ...place }, 0),
    "friend request from [2] bob — answer with ackaddfriend:2:true or ackaddfriend:2:false",
  );
  assertEquals(
    pushLine({ msgid: 8, from: 2, name: "bob", flag: true }, 0),
    "[2] bob accepted your friend request",
  );
  assertEquals(pushLine({ msgid: 8, from: 2, flag: false }, 0), "[2] refused your friend request");
});

Deno.test("names and sentences from the network are made harmless", () => {
  assertMatch(pushLine({ msgid: 6, id: 2, name: "\x1b]0;x", msg: "\x1b[2J" }, at), /\[2\] ␛\]0;x: ␛\[2J$/);
  assertEquals(errorLine({ errno: 103, errmsg: "no\nsuch\x07user" }), "error 103: no⏎such␇user");
});

Deno.test("errors without a sentence get one", () => {
  assertEquals(errorLine({ errno: 103 }), "error 103: no such user");
  assertEquals(errorLine({ errno: 7777 }), "error 7777: refused");
});

Deno.test("history lines begin with history", () => {
  assertEquals(
    historyLine({ msgid: 6, id: 2, name: "bob", msg: "hello", ...place }, 0),
    "history u1-2 #5 2026-11-22 12:07:21 [2] bob: hello",
  );
  assertEquals(
    historyLine({ msgid: 8, from: 2, name: "bob", flag: true, ...place }, 0),
    "history u1-2 #5 2026-11-22 12:07:21 [2] bob accepted",
  );
});

Deno.test("how far own messages came", () => {
  assertEquals(markLine({ conv: "u1-2", reader: 2, kind: "delivered", seq: 5 }), "delivered to 2 up to #5");
  assertEquals(markLine({ conv: "g4", reader: 2, kind: "read", seq: 9 }), "read by 2 in group 4 up to #9");
});
