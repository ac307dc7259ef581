import type { CursorMove, LogStore } from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";

/** How long moves are left alone whose rows somebody else has locked, in ms. */
const LOCKED_PAUSE = 3000;

/** Moves by user, then by device and conversation. */
type Moves = Map<number, Map<string, CursorMove>>;

/**
 * Gathers cursor moves and writes them together: what one conversation costs in an interval is one row, however many
 * messages it had. Losing the newest is safe, it only repeats a push, so a failed write is tried again with the next.
 * Moves whose rows somebody else has locked are tried again apart from all others, which do not wait for them.
 */
export class Cursors {
  readonly #log: Pick<LogStore, "moveCursors">;
  readonly #interval: number;
  readonly #after: System["after"];
  readonly #onStored: () => void;
  readonly #onError: (error: unknown) => void;
  #dirty: Moves = new Map();
  /** What is being written. */
  #underWay: Moves = new Map();
  readonly #locked: Moves = new Map();
  #cancel: Cancel | undefined;
  #cancelLocked: Cancel | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** The write that has not begun: however many wait for it, one is enough. */
  #next: Promise<void> | undefined;
  #closed = false;
  #history = 0;

  /** @param interval The longest time that a move waits, in ms. */
  constructor(
    log: Pick<LogStore, "moveCursors">,
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
    if (this.#locked.get(move.user)?.has(rowOf(move))) return add(this.#locked, move);
    add(this.#dirty, move);
    this.#cancel ??= this.#after(this.#interval, () => void this.flush());
  }

  /** Writes what is waiting; resolves when all of it is stored, or has failed and is waiting again. Never rejects. */
  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#next ??= this.#writing = this.#writing.then(() => this.#write());
    return this.#next;
  }

  /** The same for the moves of one user on whatever device: whoever has none waits for nothing. */
  settle(user: number): Promise<void> {
    return this.#dirty.has(user) || this.#underWay.has(user) ? this.flush() : Promise.resolve();
  }

  /** Drops what is waiting: it is about a log that is not there any more. */
  forget(): void {
    this.#history++;
    this.#dirty.clear();
    this.#locked.clear();
  }

  /** Writes what is waiting a last time. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    this.#cancel?.();
    this.#cancel = undefined;
    this.#cancelLocked?.();
    this.#cancelLocked = undefined;
  }

  async #write(): Promise<void> {
    this.#next = undefined;
    if (this.#dirty.size === 0) return;
    this.#underWay = this.#dirty;
    this.#dirty = new Map();
    const moves = flat(this.#underWay);
    const history = this.#history;
    try {
      const locked = await this.#log.moveCursors(moves);
      if (history === this.#history) { for (const move of locked) add(this.#locked, move); }
      this.#onStored();
    } catch (error) {
      this.#onError(error);
      if (history === this.#history) { for (const move of moves) this.mark(move); }
    }
    this.#underWay = new Map();
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#locked.size === 0 || this.#closed) return;
    this.#cancelLocked ??= this.#after(LOCKED_PAUSE, () => void this.#retryLocked());
  }

  /** Never rejects. */
  async #retryLocked(): Promise<void> {
    const moves = flat(this.#locked);
    try {
      const locked = new Set(await this.#log.moveCursors(moves));
      for (const move of moves) if (!locked.has(move)) this.#unlock(move);
    } catch (error) {
      this.#onError(error);
    }
    this.#cancelLocked = undefined;
    this.#retryLater();
  }

  /** A move was stored. A newer one of the same row may have come meanwhile. */
  #unlock(move: CursorMove): void {
    const ofUser = this.#locked.get(move.user);
    const newest = ofUser?.get(rowOf(move));
    ofUser?.delete(rowOf(move));
    if (ofUser?.size === 0) this.#locked.delete(move.user);
    if (newest && newest !== move) this.mark(newest);
  }
}

/** Adds a move to those of the same row, if there are any. */
function add(moves: Moves, move: CursorMove): void {
  let ofUser = moves.get(move.user);
  if (!ofUser) moves.set(move.user, ofUser = new Map());
  const waiting = ofUser.get(rowOf(move));
  ofUser.set(rowOf(move), waiting ? furthest(waiting, move) : move);
}

const rowOf = ({ device, conv }: CursorMove) => `${device} ${conv}`;

const flat = (moves: Moves): CursorMove[] => [...moves.values()].flatMap((ofUser) => [...ofUser.values()]);

function furthest(a: CursorMove, b: CursorMove): CursorMove {
  return {
    user: a.user,
    device: a.device,
    conv: a.conv,
    delivered: Math.max(a.delivered ?? 0, b.delivered ?? 0),
    read: Math.max(a.read ?? 0, b.read ?? 0),
  };
}
