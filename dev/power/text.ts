/** The text of the message with this mid: it can be checked without having been kept. */
export function textOf(mid: string, length: number): string {
  const head = `${length} ${mid} `;
  return head.repeat(Math.ceil(length / head.length)).slice(0, length);
}

/** Whether a text is what was sent under this mid. */
export function isTextOf(mid: string, text: string): boolean {
  return text === textOf(mid, text.length);
}
