import type { LogMessage } from "../protocol/messages.ts";
import type { Appended, NewMessage } from "../stores/store.ts";

/** So many are remembered; of one that is forgotten its session is told twice, which its client knows how to ignore. */
const MOST = 4096;

/**
 * Which entries a session has written itself, until it has passed them by: they are acknowledged to it, and not pushed
 * back. An entry can be read from the log before its append is answered, so it is known by its mid from the beginning.
 */
export class OwnEntries {
  /** Mids, and for entries without one `conv seq`. */
  readonly #keys = new Set<string>();

  /**
   * Appends an entry of this session.
   * @param isPast Whether the session has passed an entry by.
   */
  async append(
    { mid }: Pick<NewMessage, "mid">,
    { append, isPast }: { append: () => Promise<Appended>; isPast: (message: LogMessage) => boolean },
  ): Promise<Appended> {
    if (mid !== null) this.#add(mid);
    try {
      const result = await append();
      if ("refused" in result || isPast(result.stored)) this.#keys.delete(mid ?? "");
      else this.#add(keyOf(result.stored));
      return result;
    } catch (error) {
      // Nobody knows whether it is stored: if so the session hears of it like the others.
      this.#keys.delete(mid ?? "");
      throw error;
    }
  }

  has(message: LogMessage): boolean {
    return this.#keys.has(keyOf(message));
  }

  /** The session passes an entry by. */
  pass(message: LogMessage): void {
    this.#keys.delete(keyOf(message));
  }

  #add(key: string): void {
    this.#keys.add(key);
    if (this.#keys.size > MOST) this.#keys.delete(this.#keys.values().next().value!);
  }
}

const keyOf = ({ mid, conv, seq }: LogMessage) => mid ?? `${conv} ${seq}`;
