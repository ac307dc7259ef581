import { assertEquals, assertThrows } from "@std/assert";
import { pairConv, parseConv, peerOf } from "./conversation.ts";
import { encodeReply, Push } from "./encode.ts";
import { messageFrame } from "./message_frame.ts";
import { serverTime } from "./time.ts";
import type { LogMessage } from "./messages.ts";
import { Msg } from "./msgid.ts";

const message: LogMessage = {
  conv: "u3-7",
  seq: 5,
  kind: "chat",
  sender: 7,
  senderName: 'O"Neil',
  mid: "m-1",
  body: '"hi"',
  at: 1_700_000_000_000,
};
const time = serverTime(message.at);
const decode = (text: string | undefined) => text && JSON.parse(text);

Deno.test("frames: a message to a user, in both generations", () => {
  const five = { msgid: 6, id: 7, name: 'O"Neil', toid: 3, msg: "hi", time };
  assertEquals(JSON.parse(messageFrame(message, 1)!), five);
  assertEquals(JSON.parse(messageFrame(message, 2)), {
    ...five,
    mid: "m-1",
    conv: "u3-7",
    seq: 5,
    at: message.at,
  });
  assertEquals("mid" in JSON.parse(messageFrame({ ...message, mid: null }, 2)), false);
});

Deno.test("frames: a message to a group", () => {
  const group = { ...message, conv: "g4" };
  const five = { msgid: 11, id: 7, name: 'O"Neil', groupid: 4, msg: "hi", time };
  assertEquals(JSON.parse(messageFrame(group, 1)!), five);
  assertEquals(JSON.parse(messageFrame(group, 2)), {
    ...five,
    mid: "m-1",
    conv: "g4",
    seq: 5,
    at: message.at,
  });
});

Deno.test("frames: the steps of becoming friends", () => {
  for (
    const [kind, msgid, extra] of [["request", 7, {}], ["accept", 8, { flag: true }], ["refuse", 8, {
      flag: false,
    }]] as const
  ) {
    const three = { msgid, from: 7, toid: 3, msg: "hi" };
    assertEquals(JSON.parse(messageFrame({ ...message, kind }, 1)!), three);
    assertEquals(JSON.parse(messageFrame({ ...message, kind }, 2)), {
      ...three,
      ...extra,
      name: 'O"Neil',
      conv: "u3-7",
      seq: 5,
      at: message.at,
    });
  }
});

const event: LogMessage = { ...message, kind: "react", ref: 4, body: '{"emoji":"👍","on":true}' };
const place = { id: 7, name: 'O"Neil', mid: "m-1", conv: "u3-7", seq: 5, at: message.at };

Deno.test("frames: an EVENT has the fields of its kind; v1 has no word for it", () => {
  assertEquals(JSON.parse(messageFrame(event, 2)), {
    msgid: 25,
    kind: "react",
    ref: 4,
    emoji: "👍",
    on: true,
    ...place,
  });
  assertEquals(messageFrame(event, 1), undefined);
  assertEquals(new Push(event).text(1), undefined);
  const recall: LogMessage = { ...message, kind: "recall", ref: 4, body: "{}" };
  assertEquals(JSON.parse(messageFrame(recall, 2)), { msgid: 25, kind: "recall", ref: 4, ...place });
  assertEquals(messageFrame(recall, 1), undefined);
});

Deno.test("frames: an edit is a message of its own for v1", () => {
  const edit: LogMessage = { ...message, kind: "edit", ref: 4, body: '"a \\"b\\""' };
  const text = 'a "b"';
  assertEquals(JSON.parse(messageFrame(edit, 2)), { msgid: 25, kind: "edit", ref: 4, msg: text, ...place });
  const five = { msgid: 6, id: 7, name: 'O"Neil', toid: 3, msg: `(edited) ${text}`, time };
  assertEquals(JSON.parse(messageFrame(edit, 1)!), five);
  const recalled = { ...edit, body: "" };
  assertEquals(JSON.parse(messageFrame(recalled, 2)), {
    msgid: 25,
    kind: "edit",
    ref: 4,
    recalled: true,
    ...place,
  });
  assertEquals(messageFrame(recalled, 1), undefined);
});

Deno.test("frames: a message as it stands now: edited, recalled, an answer to another one", () => {
  const five = { msgid: 6, id: 7, name: 'O"Neil', toid: 3, msg: "hi", time };
  const rest = { mid: "m-1", conv: "u3-7", seq: 5, at: message.at };
  const answer = { ...message, ref: 2, edited: 9 };
  assertEquals(JSON.parse(messageFrame(answer, 2)), { ...five, re: 2, edited: 9, ...rest });
  assertEquals(JSON.parse(messageFrame(answer, 1)!), five);
  const recalled = { ...message, body: "" };
  const { msg: _, ...four } = five;
  assertEquals(JSON.parse(messageFrame(recalled, 2)), { ...four, recalled: true, ...rest });
  assertEquals(messageFrame(recalled, 1), undefined);
  assertEquals(JSON.parse(messageFrame({ ...recalled, conv: "g4", mid: null }, 2)).recalled, true);
});

Deno.test("replies: have the id of the request that they answer, v2 only", () => {
  const ack = { msgid: Msg.MESSAGE_ACK, conv: "u1-2", seq: 1, at: 2, mid: "m", rid: "r" } as const;
  assertEquals(decode(encodeReply(ack, 2)), ack);
  const history = { msgid: Msg.HISTORY_ACK, conv: "u1-2", frames: [], more: false, rid: "r" } as const;
  assertEquals(decode(encodeReply(history, 2)), {
    msgid: 21,
    conv: "u1-2",
    messages: [],
    more: false,
    rid: "r",
  });
  assertEquals(decode(encodeReply({ msgid: Msg.DONE, ref: 28, rid: "r" }, 2)), {
    msgid: 24,
    ref: 28,
    rid: "r",
  });
  assertEquals(encodeReply({ msgid: Msg.DONE, ref: 28, rid: "r" }, 1), undefined);
  const error = { msgid: Msg.ERROR, errno: 109, errmsg: "no", rid: "r" } as const;
  assertEquals(decode(encodeReply(error, 1)), { msgid: 16, errno: 109, errmsg: "no" });
});

Deno.test("frames: a push is its frame and a line end", () => {
  const push = new Push(message);
  for (const generation of [1, 2] as const) {
    assertEquals(push.text(generation), messageFrame(message, generation) + "\n");
  }
});

Deno.test("v1: replies it has no word for are not sent, lists are JSON strings and left out when empty", () => {
  assertEquals(encodeReply({ msgid: Msg.PONG, at: 1 }, 1), undefined);
  assertEquals(encodeReply({ msgid: Msg.LOGOUT_ACK }, 1), undefined);
  assertEquals(encodeReply({ msgid: Msg.MESSAGE_ACK, conv: "u1-2", seq: 1, at: 1 }, 1), undefined);
  assertEquals(decode(encodeReply({ msgid: Msg.JOIN_GROUP_ACK, errno: 104, groupid: 1, errmsg: "no" }, 1)), {
    msgid: 16,
    errno: 104,
    errmsg: "no",
    ref: 10,
  });
  const empty = {
    msgid: Msg.LOGIN_ACK,
    errno: 0,
    id: 1,
    name: "a",
    friends: [],
    groups: [],
    conversations: [],
    log: "l",
  } as const;
  assertEquals(decode(encodeReply({ ...empty, token: "t" }, 1)), { msgid: 2, errno: 0, id: 1, name: "a" });
});

Deno.test("conversations: names and back", () => {
  assertEquals([pairConv(7, 3), pairConv(3, 7), pairConv(5, 5)], ["u3-7", "u3-7", "u5-5"]);
  assertEquals(parseConv("u3-7"), { kind: "pair", low: 3, high: 7 });
  assertEquals(parseConv("g5"), { kind: "group", group: 5 });
  assertEquals(parseConv("g9007199254740991"), { kind: "group", group: Number.MAX_SAFE_INTEGER });
  for (
    const bad of [
      "",
      "u",
      "u7-3",
      "u0-1",
      "u1-",
      "u1-2-3",
      "g",
      "g0",
      "g1.5",
      "g01",
      "x1",
      "u1-1e3",
      "u 1-2",
      "u-1-2",
      "g99999999999999999999",
      "g9007199254740992",
      "u1",
      "u1-02",
      "g1 ",
    ]
  ) {
    assertEquals(parseConv(bad), undefined, bad);
  }
  assertEquals([peerOf({ low: 3, high: 7 }, 3), peerOf({ low: 3, high: 7 }, 7)], [7, 3]);
  assertThrows(() => messageFrame({ ...message, conv: "nonsense" }, 2));
});
