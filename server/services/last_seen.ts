import { type AccountStore, StoreUnavailable } from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";

/** How long a note waits for others, in ms. */
const GATHER = 500;

/**
 * Notes when sessions ended. Notes gather and are written together, so that a thousand who leave at once are one write; one
 * that is lost in a crash is missed by nobody.
 */
export class LastSeen {
  readonly #accounts: Pick<AccountStore, "setSeen">;
  readonly #system: Pick<System, "now" | "after">;
  readonly #onDefect: (error: unknown) => void;
  #seen = new Map<number, number>();
  #writing: Promise<void> | undefined;
  #cancel: Cancel | undefined;

  constructor(options: {
    accounts: Pick<AccountStore, "setSeen">;
    system: Pick<System, "now" | "after">;
    onDefect: (error: unknown) => void;
  }) {
    this.#accounts = options.accounts;
    this.#system = options.system;
    this.#onDefect = options.onDefect;
  }

  /** A session of the user has ended. */
  note(user: number): void {
    this.#seen.set(user, this.#system.now());
    this.#cancel ??= this.#system.after(GATHER, () => void this.flush());
  }

  /** Writes what waits. Never rejects. */
  async flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#writing;
    if (this.#seen.size === 0) return;
    this.#writing = this.#write();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const seen = this.#seen;
    this.#seen = new Map();
    try {
      await this.#accounts.setSeen([...seen].map(([user, at]) => ({ user, seen: at })));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) return this.#onDefect(error);
      // Newer notes stay; they are all written with the next one.
      for (const [user, at] of seen) if (!this.#seen.has(user)) this.#seen.set(user, at);
    }
  }
}
