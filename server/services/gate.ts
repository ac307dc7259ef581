import type { System } from "../system.ts";

/** How many pass in one turn of the event loop: what else is ready has its turn in between. */
const PER_TURN = 2;

/**
 * Lets work begin in the order in which it came, a little in each turn of the event loop and so much at a time: thousands
 * who come back at once must not keep those waiting who are in the middle of something.
 */
export class Gate {
  readonly #atOnce: number;
  readonly #nextTurn: () => Promise<void>;
  readonly #waiting = new Set<() => void>();
  #inside = 0;
  #passed = 0;
  #turning = false;

  /** @param options.atOnce How much may be under way. */
  constructor({ atOnce, turn }: { atOnce: number } & Pick<System, "turn">) {
    this.#atOnce = atOnce;
    this.#nextTurn = turn;
  }

  /** Does `work` when it may begin. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.size > 0 || !this.#isOpen) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        this.#turn();
      });
    } else {
      this.#pass();
    }
    try {
      return await work();
    } finally {
      this.#inside--;
      if (this.#waiting.size > 0) this.#turn();
    }
  }

  get #isOpen(): boolean {
    return this.#inside < this.#atOnce && this.#passed < PER_TURN;
  }

  #pass(): void {
    this.#inside++;
    this.#passed++;
    this.#turn();
  }

  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    this.#nextTurn().then(() => {
      this.#turning = false;
      this.#passed = 0;
      for (const enter of this.#waiting) {
        if (!this.#isOpen) break;
        this.#waiting.delete(enter);
        this.#pass();
        enter();
      }
    });
  }
}
