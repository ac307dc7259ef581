/** How long a conversation counts as contended after another node was faster in it, in ms. */
const WHILE = 1000;
/** Conversations that are remembered, at most. */
const MOST = 10_000;

/**
 * Conversations to which other nodes write at the same time. Guessing their numbers would mostly fail, and each failure
 * costs everybody who shares the statement.
 */
export class Contended {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  /** @param now A clock in ms that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  note(conv: string): void {
    if (this.#until.size >= MOST) this.#until.clear();
    this.#until.set(conv, this.#now() + WHILE);
  }

  has(conv: string): boolean {
    if (this.#until.size === 0) return false;
    const until = this.#until.get(conv);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#until.delete(conv);
    return false;
  }
}
