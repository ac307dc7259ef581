import { messageFrame } from "./message_frame.ts";
import type { LogMessage } from "./messages.ts";

/** The most bytes that a UTF-16 unit of a frame becomes in UTF-8. */
const MOST_BYTES = 3;
/** What `(1/3) ` has beside its two numbers, in bytes. */
const PREFIX = 4;

const utf8 = new TextEncoder();

/** How long a text is in UTF-8, in bytes. */
export const bytesOf = (text: string): number => utf8.encode(text).length;

/**
 * A log entry as the frames that bring it to a program of the first generation, each with its line end. An entry that
 * would be longer than `longest` bytes (0 for no bound) comes in parts of the same sender, `(1/3) ` before the text.
 * @param options `whole`: the entry's frame with its line end.
 */
export function v1Frames(
  message: LogMessage,
  { whole, longest }: { whole: string; longest: number },
): readonly string[] {
  if (longest === 0 || whole.length * MOST_BYTES <= longest || bytesOf(whole) <= longest) return [whole];
  const frameOf = (text: string) => `${messageFrame({ ...message, body: JSON.stringify(text) }, 1)}\n`;
  const text: string = JSON.parse(message.body);
  const room = longest - bytesOf(frameOf(""));
  for (let digits = 1;; digits++) {
    const parts = split(text, room - PREFIX - 2 * digits);
    // With more parts the prefix is longer, and there is less room for each.
    if (`${parts.length}`.length > digits) continue;
    return parts.map((part, i) => frameOf(`(${i + 1}/${parts.length}) ${part}`));
  }
}

/** Pieces of a text that have at most so many bytes as JSON without quotes; at least one code point each. */
function split(text: string, room: number): string[] {
  const parts: string[] = [];
  let part = "";
  let size = 0;
  for (const character of text) {
    const cost = bytesInJson(character);
    if (part !== "" && size + cost > room) {
      parts.push(part);
      part = "";
      size = 0;
    }
    part += character;
    size += cost;
  }
  parts.push(part);
  return parts;
}

/** How long one character is inside a JSON string in UTF-8, in bytes. */
function bytesInJson(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x80) return JSON.stringify(character).length - 2;
  if (code < 0x800) return 2;
  // Half of a surrogate pair is escaped, \ud800.
  if (code >= 0xd800 && code < 0xe000) return 6;
  return code < 0x10000 ? 3 : 4;
}
