/** Conversations that are remembered, at most. */
const MOST = 50_000;

interface Known {
  readonly seq: number;
  /** How often in a row nobody else had written in between. */
  readonly alone: number;
}

/**
 * The newest numbers of conversations, as far as this node has written them itself. A guess, since other nodes write
 * too: one that is wrong costs a failed statement, so it is made only where nobody else wrote of late.
 */
export class KnownNumbers {
  readonly #known = new Map<string, Known>();
  #generation = 0;

  /** Changes whenever everything is forgotten: what was found out before that is not to be noted any more. */
  get generation(): number {
    return this.#generation;
  }

  /** The newest number, if it is likely to be still that. */
  guess(conv: string): number | undefined {
    const known = this.#known.get(conv);
    return known && known.alone > 0 ? known.seq : undefined;
  }

  /** A conversation had come to `before`, as the database said, and has come to `seq` now, by this node. */
  note(conv: string, { before, seq }: { before: number; seq: number }): void {
    if (this.#known.size >= MOST) this.#known.clear();
    const known = this.#known.get(conv);
    this.#known.set(conv, { seq, alone: known?.seq === before ? known.alone + 1 : 0 });
  }

  forget(conv: string): void {
    this.#known.delete(conv);
  }

  /** After a new connection: the database behind it may be one that had to go back to an older state. */
  forgetAll(): void {
    this.#generation++;
    this.#known.clear();
  }
}
