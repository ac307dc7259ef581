import { assert, assertEquals } from "@std/assert";
import type { LogMessage } from "./messages.ts";
import { messageFrame } from "./message_frame.ts";
import { bytesOf, v1Frames } from "./v1_frames.ts";

const messageOf = (text: string): LogMessage => ({
  conv: "u3-7",
  seq: 5,
  kind: "chat",
  sender: 7,
  senderName: 'O"Neil',
  mid: null,
  body: JSON.stringify(text),
  at: 1_700_000_000_000,
});

const wholeOf = (message: LogMessage) => `${messageFrame(message, 1)}\n`;
const framesOf = (message: LogMessage, longest: number) =>
  v1Frames(message, { whole: wholeOf(message), longest });

Deno.test("v1 frames: a message that fits is one frame, to the byte", () => {
  for (const character of ["x", "é", "名", "👍", '"', "\u0001", "\ud800"]) {
    const message = messageOf(`${character.repeat(200)}y`);
    const whole = wholeOf(message);
    assertEquals(framesOf(message, bytesOf(whole)), [whole]);
    assertEquals(framesOf(message, 0), [whole]);
    assert(framesOf(message, bytesOf(whole) - 1).length > 1, character);
  }
});

Deno.test("v1 frames: parts are as long as they may be, begin with their number, and lose nothing", () => {
  for (const longest of [512, 700, 1023]) {
    for (const unit of ["x", "名", "👍", "\ud800 ", '\\"\n\u007f\u2028', "a名👍\u0001"]) {
      const text = unit.repeat(9000);
      const frames = framesOf(messageOf(text), longest);
      const sizes = frames.map(bytesOf);
      // The largest character has 6 bytes; numbers of fewer digits leave 4 more.
      assert(sizes.every((size) => size <= longest), `${sizes}`);
      assert(sizes.slice(0, -1).every((size) => size > longest - 12), `${sizes}`);
      const texts = frames.map((frame, i) => {
        const { msg, ...rest } = JSON.parse(frame);
        const { msg: _, ...expected } = JSON.parse(wholeOf(messageOf("")));
        assertEquals(rest, expected);
        const prefix = `(${i + 1}/${frames.length}) `;
        assertEquals(msg.slice(0, prefix.length), prefix);
        return msg.slice(prefix.length);
      });
      assertEquals(texts.join(""), text);
      assert(
        texts.every((part) => unit.includes("\ud800") || part.isWellFormed()),
        "split inside a character",
      );
    }
  }
});
