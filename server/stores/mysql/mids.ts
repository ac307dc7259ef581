import { randomBytes } from "node:crypto";

/**
 * Makes mids for messages of clients that send none. They begin with ~, which no client's mid does, and sort by time:
 * the key on (sender, mid) then grows at its end.
 */
export class MidMaker {
  readonly #now: () => number;
  readonly #process = randomBytes(9).toString("base64url");
  #count = 0;

  /** @param now Unix milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Unique in the whole cluster; at most 41 characters. */
  next(): string {
    return `~${this.#now().toString(36)}-${(this.#count++).toString(36)}-${this.#process}`;
  }
}

export const isMade = (mid: string) => mid.startsWith("~");
