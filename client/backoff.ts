/** Exponential backoff with full jitter: each wait is random between 0 and a bound that doubles. */
export class Backoff {
  readonly #first: number;
  readonly #last: number;
  readonly #random: () => number;
  #attempt = 0;

  /** @param random As Math.random. `first` and `last` are the bounds of the first wait and of the longest, in ms. */
  constructor(random: () => number, bounds: { first: number; last: number } = { first: 500, last: 15_000 }) {
    this.#random = random;
    this.#first = bounds.first;
    this.#last = bounds.last;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const bound = Math.min(this.#last, this.#first * 2 ** Math.min(this.#attempt, 30));
    this.#attempt++;
    return Math.round(this.#random() * bound);
  }

  /** After a success: the next wait is a short one again. */
  reset(): void {
    this.#attempt = 0;
  }
}
