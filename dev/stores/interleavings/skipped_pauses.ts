/** Longer timers are not pauses, in ms. */
const SHORT = 100;

/**
 * While this exists, short pauses end at once, and the clock that never goes back moves on by what they would have taken.
 */
export class SkippedPauses implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #now = performance.now;
  #skipped = 0;

  constructor() {
    const [setTimer, now] = [this.#setTimeout, this.#now.bind(performance)];
    const skipping = (run: () => void, ms = 0) => {
      const isPause = ms < SHORT;
      if (isPause) this.#skipped += ms;
      return setTimer(run, isPause ? 0 : ms);
    };
    globalThis.setTimeout = Object.assign(skipping, setTimer) as typeof setTimeout;
    performance.now = () => now() + this.#skipped;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
    performance.now = this.#now;
  }
}
