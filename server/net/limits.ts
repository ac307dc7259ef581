/** So many per second on average, with as many at once after a pause. */
export class TokenBucket {
  readonly #rate: number;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  /**
   * @param rate Tokens per second, and the most that gather.
   * @param now A clock in ms.
   */
  constructor(rate: number, now: () => number) {
    this.#rate = rate;
    this.#now = now;
    this.#tokens = rate;
    this.#at = now();
  }

  /** Takes one; 0 if there was one, otherwise how long to wait for it, in ms. */
  take(): number {
    if (this.#tokens < 1) {
      const now = this.#now();
      this.#tokens = Math.min(this.#rate, this.#tokens + Math.max(0, now - this.#at) * this.#rate / 1000);
      this.#at = now;
    }
    if (this.#tokens < 1) return Math.ceil((1 - this.#tokens) * 1000 / this.#rate);
    this.#tokens--;
    return 0;
  }
}
