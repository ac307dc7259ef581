/** Which entry has a number. */
export interface Named {
  readonly seq: number;
  readonly sender: number;
  /** The mid that it is stored under. */
  readonly key: string;
}

interface Known {
  /** The highest number that this node knows to be committed. */
  seq: number;
  /** Whether it is likely to be the newest still. */
  sure: boolean;
  /** The newest entry of which this node knows more than its number. */
  entry?: Named | undefined;
}

/**
 * The newest numbers of conversations, as far as this node knows them: from what it has written, read, or heard from
 * other nodes. A guess, since others write too: the database's keys judge it, and a wrong one costs a failed statement.
 * The conversation that was touched last is the last one in here.
 */
export class KnownNumbers {
  readonly #known = new Map<string, Known>();
  readonly #most: number;

  /** @param options `most`: conversations that are remembered; of more those are forgotten that nobody wrote to. */
  constructor({ most = 50_000 }: { most?: number } = {}) {
    this.#most = most;
  }

  /** The newest number, if it is likely to be still that. */
  newest(conv: string): number | undefined {
    const known = this.#known.get(conv);
    return known?.sure ? known.seq : undefined;
  }

  /** The highest number that is known to be committed. */
  committed(conv: string): number | undefined {
    return this.#known.get(conv)?.seq;
  }

  /** An entry that is known to have been committed. */
  entry(conv: string): Named | undefined {
    return this.#known.get(conv)?.entry;
  }

  /** The conversation's newest number was this just now, of this entry if that is known. */
  note(conv: string, seq: number, entry?: Named): void {
    const known = this.#known.get(conv);
    this.#known.delete(conv);
    this.#known.set(conv, { seq: Math.max(seq, known?.seq ?? 0), sure: true, entry: entry ?? known?.entry });
    if (this.#known.size > this.#most) this.#known.delete(this.#known.keys().next().value!);
  }

  /** Another node has committed this entry. Who hears of more than the next one has missed some. */
  hear(conv: string, seq: number, entry?: Named): void {
    const known = this.#known.get(conv);
    if (!known || seq <= known.seq) return;
    if (seq !== known.seq + 1) {
      known.sure = false;
      return;
    }
    known.seq = seq;
    // What this node has written itself stays the entry to look for: after a failover, what another one announces may
    // follow on an entry that has taken its number.
    known.entry ??= entry;
  }

  /** The number was not the newest. That it is committed stays true. */
  doubt(conv: string): void {
    const known = this.#known.get(conv);
    if (known) known.sure = false;
  }

  /** No number is likely to be the newest any more. */
  doubtAll(): void {
    for (const known of this.#known.values()) known.sure = false;
  }

  /** The conversations that were touched last. */
  latest(count: number): string[] {
    return [...this.#known.keys()].slice(-count);
  }

  /** For a database that is not the one that all this was true of. */
  forgetAll(): void {
    this.#known.clear();
  }
}
