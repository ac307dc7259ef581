/** What a client has of one conversation: all from `base` + 1 to `top`, and the few beyond a hole. */
interface Numbers {
  readonly base: number;
  top: number;
  readonly beyond: Set<number>;
}

/**
 * Which numbers of each conversation a client has: what it was pushed, and its own by their MESSAGE_ACK. Kept as "all
 * up to" and the few beyond a hole, so that an hour of messages costs little.
 */
export class Seen {
  readonly #conversations = new Map<string, Numbers>();

  /** Notes a number; false if it was known. */
  add(conv: string, seq: number): boolean {
    let numbers = this.#conversations.get(conv);
    if (!numbers) this.#conversations.set(conv, numbers = { base: 0, top: 0, beyond: new Set() });
    if (seq <= numbers.top || numbers.beyond.has(seq)) return false;
    numbers.beyond.add(seq);
    while (numbers.beyond.delete(numbers.top + 1)) numbers.top++;
    return true;
  }

  /** Forgets all, but for what the server says was delivered of each conversation. */
  restart(delivered: ReadonlyMap<string, number>): void {
    this.#conversations.clear();
    for (const [conv, base] of delivered) {
      this.#conversations.set(conv, { base, top: base, beyond: new Set() });
    }
  }

  /** The highest number up to which nothing is missing. */
  top(conv: string): number {
    return this.#conversations.get(conv)?.top ?? 0;
  }

  /** What it has: from which number on, and the highest, with a hole before it or not. */
  range(conv: string): { from: number; to: number } {
    const { base, top, beyond } = this.#conversations.get(conv) ??
      { base: 0, top: 0, beyond: new Set<number>() };
    return { from: base + 1, to: Math.max(top, ...beyond) };
  }
}
