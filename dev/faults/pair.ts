/** The conversation of two users. */
export function pairOf(a: number, b: number): string {
  return `u${Math.min(a, b)}-${Math.max(a, b)}`;
}
