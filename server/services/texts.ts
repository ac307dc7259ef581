import { Errno, Refusal } from "../errors.ts";

const utf8 = new TextEncoder();

/**
 * A text as the JSON string that it is stored and sent as.
 * @param maxBody The longest, in bytes: what fits into a frame with its other fields.
 * @throws {Refusal} errno 107.
 */
export function literalOf(text: string, maxBody: number): string {
  const literal = JSON.stringify(text);
  if (literal.length * 3 > maxBody && utf8.encode(literal).length > maxBody) {
    throw new Refusal(Errno.TOO_LONG, `"msg" is longer than ${maxBody} bytes`);
  }
  return literal;
}
