/** Counts requests under way, for those who must wait until few enough are. */
export class InFlight {
  #count = 0;
  #waiting: { limit: number; resolve: () => void }[] = [];

  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#waiting.length === 0) return;
    const free = this.#waiting.filter(({ limit }) => this.#count < limit);
    this.#waiting = this.#waiting.filter(({ limit }) => this.#count >= limit);
    for (const { resolve } of free) resolve();
  }

  /** Resolves when fewer than `limit` are under way. */
  below(limit: number): Promise<void> | undefined {
    if (this.#count < limit) return undefined;
    return new Promise((resolve) => this.#waiting.push({ limit, resolve }));
  }
}
