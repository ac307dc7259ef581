import type { Push } from "./frames.ts";
import { identityOf } from "./identities.ts";

/** So many of the entries shown last are remembered. */
const REMEMBERED = 4096;

/**
 * Which entries were shown lately, whatever number they have. When the server's database comes back older, entries
 * are pushed again, and those that it had lost come back under new numbers.
 */
export class Shown {
  readonly #identities = new Set<string>();

  /** Notes an entry; false if it was shown before. */
  add(push: Push): boolean {
    const identity = identityOf(push);
    if (identity === undefined) return true;
    if (this.#identities.has(identity)) return false;
    this.#identities.add(identity);
    if (this.#identities.size > REMEMBERED) {
      for (const oldest of this.#identities.values().take(1)) this.#identities.delete(oldest);
    }
    return true;
  }
}
