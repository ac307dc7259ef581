import type { LogMessage, Reply } from "./messages.ts";
import { type Generation, messageFrame } from "./message_frame.ts";
import { Msg } from "./msgid.ts";
import { toV1 } from "./v1.ts";
import { v1Frames } from "./v1_frames.ts";

/** One log entry on its way to any number of sessions: serialised once for each generation, when first asked for. */
export class Push {
  readonly message: LogMessage;
  #v1: string | undefined;
  #v2: string | undefined;
  #parts: readonly string[] | undefined;

  constructor(message: LogMessage) {
    this.message = message;
  }

  /** The frame with its line end. Undefined if clients of this generation have no word for the entry. */
  text(generation: Generation): string | undefined {
    const text = generation === 1
      ? this.#v1 ??= lineOf(this.message, 1)
      : this.#v2 ??= lineOf(this.message, 2);
    return text === "" ? undefined : text;
  }

  /**
   * For clients of the first generation: one frame, or several where it would be longer than `longest` bytes, each with
   * its line end; none if they have no word for the entry.
   * @param longest The same for all clients of a node; 0 for no bound.
   */
  v1Frames(longest: number): readonly string[] {
    const whole = this.text(1);
    return this.#parts ??= whole === undefined ? [] : v1Frames(this.message, { whole, longest });
  }
}

/** The frame's text with its line end, empty if there is none. */
function lineOf(message: LogMessage, generation: Generation): string {
  const frame = messageFrame(message, generation);
  return frame === undefined ? "" : frame + "\n";
}

/**
 * The text of a reply with its line end, or undefined if clients of this generation know nothing like it.
 * A v1 session is sent msgid 2, 5, 6, 7, 8, 11 and 16 and no others.
 */
export function encodeReply(reply: Reply, generation: Generation): string | undefined {
  if (generation === 1) {
    const frame = toV1(reply);
    return frame && JSON.stringify(frame) + "\n";
  }
  // Half of what goes out; neither of its texts can hold anything that JSON would escape.
  if (reply.msgid === Msg.MESSAGE_ACK) {
    const { mid, conv, seq, at, rid } = reply;
    const about = mid === undefined ? "" : `"mid":"${mid}",`;
    return `{"msgid":${Msg.MESSAGE_ACK},${about}"conv":"${conv}","seq":${seq},"at":${at}${ridOf(rid)}}\n`;
  }
  if (reply.msgid === Msg.HISTORY_ACK) {
    return `{"msgid":${Msg.HISTORY_ACK},"conv":"${reply.conv}","messages":[${
      reply.frames.join(",")
    }],"more":${reply.more}${ridOf(reply.rid)}}\n`;
  }
  if ("found" in reply) {
    const { msgid, ref, found, more, before, rid } = reply;
    const next = before === undefined ? "" : `,"before":"${before}"`;
    return `{"msgid":${msgid},"ref":${ref},"found":[${found.join(",")}],"more":${more}${next}${
      ridOf(rid)
    }}\n`;
  }
  return JSON.stringify(reply) + "\n";
}

/** It holds nothing that JSON would escape. */
const ridOf = (rid: string | undefined) => rid === undefined ? "" : `,"rid":"${rid}"`;
