/** How long a conversation counts as contended after another node was faster in it, in ms. */
const WHILE = 1000;
/** How long one counts as locked after somebody was found to hold a lock on its entries, in ms. */
const LOCKED = 30_000;
/** Conversations that are remembered, at most. */
const MOST = 10_000;

/**
 * Conversations to which other nodes write at the same time, or whose entries another program has locked. Writing to
 * them together with others would mostly fail, or wait, and each time everybody who shares the statement pays for it.
 */
export class Contended {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  /** @param now A clock in ms that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Another node was faster. */
  note(conv: string): void {
    this.#note(conv, WHILE);
  }

  /** Somebody held a lock for longer than a statement waits. */
  noteLocked(conv: string): void {
    this.#note(conv, LOCKED);
  }

  #note(conv: string, ms: number): void {
    if (this.#until.size >= MOST) this.#until.clear();
    this.#until.set(conv, Math.max(this.#now() + ms, this.#until.get(conv) ?? 0));
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
