/**
 * Which numbers of each conversation a client has: what it was pushed, and its own by their MESSAGE_ACK. Kept as "all
 * up to" and the few beyond a hole, so that an hour of messages costs little.
 */
export class Seen {
  readonly #conversations = new Map<string, { top: number; readonly beyond: Set<number> }>();

  /** Notes a number; false if it was known. */
  add(conv: string, seq: number): boolean {
    let numbers = this.#conversations.get(conv);
    if (!numbers) this.#conversations.set(conv, numbers = { top: 0, beyond: new Set() });
    if (seq <= numbers.top || numbers.beyond.has(seq)) return false;
    numbers.beyond.add(seq);
    while (numbers.beyond.delete(numbers.top + 1)) numbers.top++;
    return true;
  }

  /** Forgets all, but for what the server says was delivered of each conversation. */
  restart(delivered: ReadonlyMap<string, number>): void {
    this.#conversations.clear();
    for (const [conv, top] of delivered) this.#conversations.set(conv, { top, beyond: new Set() });
  }

  /** The highest number up to which nothing is missing. */
  top(conv: string): number {
    return this.#conversations.get(conv)?.top ?? 0;
  }

  /** The numbers up to `last` that are not known. */
  missing(conv: string, last: number): number[] {
    const numbers = this.#conversations.get(conv) ?? { top: 0, beyond: new Set() };
    const missing: number[] = [];
    for (let seq = numbers.top + 1; seq <= last; seq++) if (!numbers.beyond.has(seq)) missing.push(seq);
    return missing;
  }
}
