/** Time as the client uses it. An argument everywhere, so that tests need no real waiting. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Runs `run` once after `ms` milliseconds; the returned function calls it off. */
  after(ms: number, run: () => void): () => void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
