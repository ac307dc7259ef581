/** So many numbers out of sequence are kept of one conversation before the oldest hole is taken for filled. */
const MOST_HOLES = 1024;

interface Numbers {
  /** Everything up to here is known. */
  top: number;
  /** What is known beyond a hole. */
  readonly beyond: Set<number>;
}

/**
 * What this client already has, by conversation and seq, so that a push that comes again is not shown again.
 * The server does not push people their own messages; those numbers come from MESSAGE_ACK, or, if they were sent
 * from elsewhere, stay holes, which is why holes are kept but bounded.
 */
export class Seen {
  readonly #conversations = new Map<string, Numbers>();

  /** Notes a number; false if it was known. */
  add(conv: string, seq: number): boolean {
    const numbers = this.#of(conv);
    if (seq <= numbers.top || numbers.beyond.has(seq)) return false;
    numbers.beyond.add(seq);
    if (numbers.beyond.size > MOST_HOLES) numbers.top = Math.min(...numbers.beyond);
    close(numbers);
    return true;
  }

  /** Everything up to `seq` counts as known. */
  upTo(conv: string, seq: number): void {
    const numbers = this.#of(conv);
    if (seq <= numbers.top) return;
    numbers.top = seq;
    for (const one of numbers.beyond) if (one <= seq) numbers.beyond.delete(one);
    close(numbers);
  }

  /** The highest number below which nothing is missing; 0 for a conversation never heard of. */
  top(conv: string): number {
    return this.#conversations.get(conv)?.top ?? 0;
  }

  /** The highest number that is known, with or without holes below it. */
  highest(conv: string): number {
    const numbers = this.#conversations.get(conv);
    return numbers === undefined ? 0 : Math.max(numbers.top, ...numbers.beyond);
  }

  #of(conv: string): Numbers {
    let numbers = this.#conversations.get(conv);
    if (numbers === undefined) this.#conversations.set(conv, numbers = { top: 0, beyond: new Set() });
    return numbers;
  }
}

function close(numbers: Numbers): void {
  numbers.beyond.delete(numbers.top);
  while (numbers.beyond.delete(numbers.top + 1)) numbers.top++;
}
