import { parseConv } from "./conversation.ts";
import { type Generation, kindOf } from "./kinds.ts";
import type { LogMessage } from "./messages.ts";

export type { Generation } from "./kinds.ts";

/** A log entry as the JSON text of the frame that brings it to a client, without line end. */
export function messageFrame(message: LogMessage, generation: Generation): string {
  const about = parseConv(message.conv);
  if (about === undefined) throw new TypeError(`no conversation is called ${message.conv}`);
  return kindOf(message.kind).frame(message, { about, generation });
}
