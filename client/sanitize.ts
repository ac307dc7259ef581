const REPLACEMENT = "\ufffd";
const LINE_END = "⏎";

/**
 * What must not reach a terminal as it is: C0, DEL and C1 (escape sequences begin there), line and paragraph
 * separators, and the marks that reorder text on screen so that it reads as something else.
 */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- control characters are exactly what this is about
  /\r\n|[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Text from elsewhere as one line that is safe to print: line ends become ⏎, tabs a space, other control characters
 * their pictures (ESC is ␛), what has no picture and halves of surrogate pairs U+FFFD.
 */
export function sanitize(text: string): string {
  return text.toWellFormed().replace(UNSAFE, visible);
}

function visible(found: string): string {
  if (found === "\t") return " ";
  if (found === "\r\n" || found === "\n" || found === "\r" || found === "\u2028" || found === "\u2029") {
    return LINE_END;
  }
  const code = found.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : REPLACEMENT;
}
