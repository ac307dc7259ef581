import type { After } from "./system.ts";

/** Pauses of one owner, which end when the owner does. */
export class Pauses {
  readonly #after: After;
  readonly #running = new Set<() => void>();
  #ended = false;

  constructor(after: After) {
    this.#after = after;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves after so many ms, or when the owner ends. */
  pause(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#after(ms, () => finish());
      const finish = () => {
        cancel();
        this.#running.delete(finish);
        resolve();
      };
      this.#running.add(finish);
    });
  }

  /** Ends all pauses; there are none from now on. */
  end(): void {
    this.#ended = true;
    for (const finish of this.#running) finish();
  }
}
