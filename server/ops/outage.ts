import type { Logger } from "./logger.ts";

export interface OutageOptions {
  readonly log: Logger;
  /** The line at the begin, and the one at the end. */
  readonly began: string;
  readonly ended: string;
  /** A clock in ms that never goes back. */
  readonly now: () => number;
}

/** Something that this node needs is away: one line when that begins, and one with the duration when it is over. */
export class Outage {
  readonly #options: OutageOptions;
  #since: number | undefined;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** It failed; again is fine. */
  begin(cause: string | undefined): void {
    if (this.#since !== undefined) return;
    const { log, began, now } = this.#options;
    this.#since = now();
    log.warn(began, { cause });
  }

  /** It works; again is fine. */
  end(): void {
    if (this.#since === undefined) return;
    const { log, ended, now } = this.#options;
    log.info(ended, { after_ms: Math.round(now() - this.#since) });
    this.#since = undefined;
  }
}
