import { assert, assertEquals } from "@std/assert";
import { readFrame, readPush } from "./frames.ts";

const read = (value: unknown) => readFrame(JSON.stringify(value));

Deno.test("fields nobody asked for are no fault, unknown msgids are ignored", () => {
  const chat = {
    msgid: 6,
    id: 2,
    name: "bob",
    toid: 1,
    msg: "hi",
    conv: "u1-2",
    seq: 1,
    at: 5,
    colour: "red",
  };
  assertEquals(read(chat), {
    frame: { msgid: 6, id: 2, name: "bob", toid: 1, msg: "hi", conv: "u1-2", seq: 1, at: 5 },
  });
  assertEquals(read({ msgid: 99, anything: 1 }), undefined);
});

Deno.test("a bad frame is a fault with a reason, never an exception", () => {
  for (
    const bad of [
      "{",
      "[]",
      "null",
      "7",
      "{}",
      '{"msgid":"6"}',
      '{"msgid":6}',
      '{"msgid":12,"conv":1,"seq":-1}',
    ]
  ) {
    const parsed = readFrame(bad);
    assert(parsed !== undefined && "fault" in parsed && parsed.fault !== "", bad);
  }
});

Deno.test("LOGIN_ACK with a list that cannot be read still logs in", () => {
  const parsed = read({ msgid: 2, errno: 0, id: 1, name: "a", friends: ['{"id":1}'], groups: [] });
  assertEquals(parsed, {
    frame: { msgid: 2, errno: 0, id: 1, name: "a", friends: [], groups: [], conversations: [] },
  });
});

Deno.test("messages of HISTORY_ACK are read one by one", () => {
  assertEquals(readPush({ msgid: 8, from: 2, flag: true })?.msgid, 8);
  assertEquals(readPush({ msgid: 5, errno: 0 }), undefined);
});
