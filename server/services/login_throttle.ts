import { Errno, Refusal } from "../errors.ts";

/** Accounts remembered at once; beyond that the longest remembered is forgotten. */
const MAX_KEYS = 10_000;

/**
 * Slows down guessing: after `limit` failed password logins of one account within `window` ms its further ones are
 * refused without being looked at, until the window has passed. Tokens go on working, so its owner is not locked
 * out of running clients. An account that does not exist behaves the same.
 */
export class LoginThrottle {
  readonly #limit: number;
  readonly #window: number;
  readonly #now: () => number;
  readonly #failures = new Map<string, { count: number; until: number }>();

  constructor(options: { limit: number; window: number; now: () => number }) {
    this.#limit = options.limit;
    this.#window = options.window;
    this.#now = options.now;
  }

  /** @throws {Refusal} errno 112 with the time to wait. */
  check(key: string): void {
    const failures = this.#current(key);
    if (failures && failures.count >= this.#limit) {
      const retryMs = failures.until - this.#now();
      throw new Refusal(Errno.TOO_MANY, "too many failed logins for this account, try again later", {
        retryMs,
      });
    }
  }

  failed(key: string): void {
    const failures = this.#current(key) ?? { count: 0, until: this.#now() + this.#window };
    failures.count++;
    this.#failures.set(key, failures);
    if (this.#failures.size > MAX_KEYS) this.#failures.delete(this.#failures.keys().next().value!);
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  #current(key: string) {
    const failures = this.#failures.get(key);
    if (failures && failures.until <= this.#now()) {
      this.#failures.delete(key);
      return undefined;
    }
    return failures;
  }
}
