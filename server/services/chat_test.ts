import { assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../errors.ts";
import type { LogMessage, Reply } from "../protocol/messages.ts";
import { acknowledge } from "./chat.ts";
import type { Session } from "./sessions.ts";

const message = { conv: "u1-2", seq: 3, mid: "m", at: 7 } as LogMessage;

function session(ended: boolean) {
  const replies: Reply[] = [];
  return {
    replies,
    session: { ended, peer: { reply: (reply: Reply) => replies.push(reply) } } as unknown as Session,
  };
}

Deno.test("chat: what was committed is acknowledged", () => {
  const here = session(false);
  acknowledge(here.session, message);
  assertEquals(here.replies, [{ msgid: 12, mid: "m", conv: "u1-2", seq: 3, at: 7 }]);
});

Deno.test("I6: a session that ended while its message was committed is not told: its user may have another one", () => {
  const gone = session(true);
  assertThrows(() => acknowledge(gone.session, message), Refusal, "not certain");
  assertEquals(gone.replies, []);
});
