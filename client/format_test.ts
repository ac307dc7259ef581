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
    pushLine({ msgid: 6, id: 2, name: "bob", msg: "hello", ...place }, { now: 0 }),
    "2026-11-22 12:07:21 [2] bob: hello",
  );
  assertEquals(
    pushLine({ msgid: 11, id: 2, name: "bob", groupid: 4, msg: "a\nb", ...place }, { now: 0 }),
    "2026-11-22 12:07:21 (group 4) [2] bob: a⏎b",
  );
  assertEquals(
    pushLine({ msgid: 7, from: 2, name: "bob", ...place }, { now: 0 }),
    "friend request from [2] bob — answer with ackaddfriend:2:true or ackaddfriend:2:false",
  );
  assertEquals(
    pushLine({ msgid: 8, from: 2, name: "bob", flag: true }, { now: 0 }),
    "[2] bob accepted your friend request",
  );
  assertEquals(pushLine({ msgid: 8, from: 2, flag: false }, { now: 0 }), "[2] refused your friend request");
});

Deno.test("a message as it stands: edited, recalled, an answer", () => {
  const chat = { msgid: 6, id: 2, name: "bob", ...place } as const;
  const line = (said: object) => pushLine({ ...chat, ...said }, { now: 0 })?.slice(20);
  assertEquals(line({ msg: "hi", edited: 7 }), "[2] bob (edited): hi");
  assertEquals(line({ msg: "hi", re: 3 }), "[2] bob answers #3: hi");
  assertEquals(line({ recalled: true }), "[2] bob recalled this message");
});

Deno.test("what happens to a message or between people is a sentence; an unknown kind is none", () => {
  const event = { msgid: 25, id: 2, name: "bob", mid: "m", ...place } as const;
  const line = (said: { kind: string; on?: boolean }, conv = "u1-2") =>
    pushLine({ ...event, conv, ...said }, { now: 0 });
  const after = "2026-11-22 12:07:21 ";
  assertEquals(line({ kind: "edit", ...{ ref: 3, msg: "a\nb" } }), `${after}[2] bob edited message #3: a⏎b`);
  const recalled = { kind: "edit", ref: 3, recalled: true };
  assertEquals(line(recalled), `${after}[2] bob edited message #3, which was recalled`);
  assertEquals(
    line({ kind: "recall", ...{ ref: 3 } }, "g4"),
    `${after}(group 4) [2] bob recalled message #3`,
  );
  const react = { kind: "react", ref: 3, emoji: "👍", on: true };
  assertEquals(line(react), `${after}[2] bob reacts with 👍 to message #3`);
  assertEquals(line({ ...react, on: false }), `${after}[2] bob no longer reacts with 👍 to message #3`);
  assertEquals(line({ kind: "unfriend" }), `${after}[2] bob is no longer your friend`);
  assertEquals(line({ kind: "applaud" }), undefined);
  assertEquals(
    historyLine({ ...event, kind: "recall", ref: 3 }, 0),
    `history u1-2 #5 ${after}[2] bob recalled message #3`,
  );
});

Deno.test("names and sentences from the network are made harmless", () => {
  assertMatch(
    pushLine({ msgid: 6, id: 2, name: "\x1b]0;x", msg: "\x1b[2J" }, { now: at }),
    /\[2\] ␛\]0;x: ␛\[2J$/,
  );
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

Deno.test("what one wrote on another device is one's own; a note to oneself is shown as it is pushed", () => {
  const own = (push: object) =>
    pushLine({ ...push, ...place } as Parameters<typeof pushLine>[0], { now: 0, own: 1 });
  const time = "2026-11-22 12:07:21";
  assertEquals(own({ msgid: 6, id: 1, name: "ann", toid: 2, msg: "hi" }), `${time} you to 2: hi`);
  assertEquals(own({ msgid: 11, id: 1, name: "ann", groupid: 4, msg: "hi" }), `${time} you to group 4: hi`);
  assertEquals(own({ msgid: 6, id: 1, name: "ann", toid: 1, msg: "hi" }), `${time} [1] ann: hi`);
  assertEquals(own({ msgid: 7, from: 1, toid: 2 }), "you asked [2] to become friends");
  assertEquals(own({ msgid: 8, from: 1, toid: 2, flag: true }), "you accepted the friend request of [2]");
});
