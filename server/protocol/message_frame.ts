import { parseConv } from "./conversation.ts";
import type { Generation } from "./entry_frames.ts";
import { kindOf } from "./kinds.ts";
import type { LogMessage } from "./messages.ts";

export type { Generation } from "./entry_frames.ts";

/**
 * A log entry as the JSON text of the frame that brings it to a client, without line end. Undefined if clients of this
 * generation have no word for it.
 */
export function messageFrame(message: LogMessage, generation: 2): string;
export function messageFrame(message: LogMessage, generation: Generation): string | undefined;
export function messageFrame(message: LogMessage, generation: Generation): string | undefined {
  const about = parseConv(message.conv);
  if (about === undefined) throw new TypeError(`no conversation is called ${message.conv}`);
  return kindOf(message.kind).frame(message, { about, generation });
}
