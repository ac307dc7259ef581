import type { CursorMove, LogStore } from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";

/**
 * Gathers cursor moves and writes them together: what one conversation costs in an interval is one row, however many
 * messages it had. Losing the newest is safe, it only repeats a push, so a failed write is tried again with the next.
 */
export class Cursors {
  readonly #log: LogStore;
  readonly #interval: number;
  readonly #after: System["after"];
  readonly #onStored: () => void;
  readonly #onError: (error: unknown) => void;
  #dirty = new Map<string, CursorMove>();
  #cancel: Cancel | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** The write that has not begun: however many wait for it, one is enough. */
  #next: Promise<void> | undefined;
  #history = 0;

  /** @param interval The longest time that a move waits, in ms. */
  constructor(
    log: LogStore,
    options:
      & { interval: number; onStored?: () => void; onError: (error: unknown) => void }
      & Pick<System, "after">,
  ) {
    this.#log = log;
    this.#interval = options.interval;
    this.#after = options.after;
    this.#onStored = options.onStored ?? (() => {});
    this.#onError = options.onError;
  }

  /** Counts the logs that are not there any more. Moves in one of them are void. */
  get history(): number {
    return this.#history;
  }

  mark(move: CursorMove): void {
    const key = `${move.user} ${move.conv}`;
    const waiting = this.#dirty.get(key);
    this.#dirty.set(key, waiting ? furthest(waiting, move) : move);
    this.#cancel ??= this.#after(this.#interval, () => void this.flush());
  }

  /** Writes what is waiting; resolves when all of it is stored, or has failed and is waiting again. Never rejects. */
  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    return this.#next ??= this.#writing = this.#writing.then(() => {
      this.#next = undefined;
      return this.#write();
    });
  }

  /** Drops what is waiting: it is about a log that is not there any more. */
  forget(): void {
    this.#history++;
    this.#dirty.clear();
  }

  /** Writes what is waiting a last time. */
  async close(): Promise<void> {
    await this.flush();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #write(): Promise<void> {
    if (this.#dirty.size === 0) return;
    const moves = this.#dirty;
    this.#dirty = new Map();
    const history = this.#history;
    try {
      await this.#log.moveCursors([...moves.values()]);
      this.#onStored();
    } catch (error) {
      this.#onError(error);
      if (history === this.#history) { for (const move of moves.values()) this.mark(move); }
    }
  }
}

function furthest(a: CursorMove, b: CursorMove): CursorMove {
  return {
    user: a.user,
    conv: a.conv,
    delivered: Math.max(a.delivered ?? 0, b.delivered ?? 0),
    read: Math.max(a.read ?? 0, b.read ?? 0),
  };
}
