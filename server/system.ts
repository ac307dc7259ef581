import { randomBytes } from "node:crypto";

/** Calls something off; again is fine. */
export type Cancel = () => void;

/** Runs something after so many ms, or every so many. */
export type After = (ms: number, run: () => void) => Cancel;

/** What a node takes from the machine it runs on: all of its time and all of its chance. Tests have others. */
export interface System {
  /** Unix milliseconds; the clock may be set at any time. */
  readonly now: () => number;
  /** A clock in ms that nobody can set. It goes on while the process is frozen. */
  readonly monotonic: () => number;
  readonly after: After;
  readonly every: After;
  /** Resolves when everything else that is ready has had its turn. */
  readonly turn: () => Promise<void>;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** So many bytes that nobody can guess, in base64url. */
  readonly secret: (bytes: number) => string;
}

export const system: System = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
  turn: () => new Promise((resolve) => void setImmediate(resolve)),
  random: Math.random,
  secret: (bytes) => randomBytes(bytes).toString("base64url"),
};
