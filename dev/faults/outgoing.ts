/** A message as it is sent, and sent again. */
export interface Letter {
  readonly conv: string;
  readonly mid: string;
  /** The JSON text of the frame. */
  readonly frame: string;
  /** What the history says of its text. */
  readonly digest: string;
}

interface Waiting extends Letter {
  inFlight: boolean;
  /** Not before this time, after the server asked to wait. */
  notBefore: number;
}

/** How long what was acknowledged is kept, in ms: longer than a copy of the database is older. */
const KEEP = 60_000;

/**
 * Messages until they are acknowledged. Of one conversation only one is under way at a time, so that a refusal for the
 * moment does not change the order.
 */
export class Outgoing {
  readonly #byConv = new Map<string, Waiting[]>();
  /** Those acknowledged of late, oldest first. */
  #acknowledged: { readonly letter: Letter; readonly at: number }[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(letter: Letter): void {
    this.#lettersOf(letter.conv).push({ ...letter, inFlight: false, notBefore: 0 });
    this.#size++;
  }

  /** Acknowledged now. */
  acknowledge(conv: string, { mid, now }: { mid: string; now: number }): void {
    const letter = this.#byConv.get(conv)?.[0];
    if (!letter || !this.remove(conv, mid)) return;
    while ((this.#acknowledged[0]?.at ?? Infinity) < now - KEEP) this.#acknowledged.shift();
    this.#acknowledged.push({ letter, at: now });
  }

  /** What was acknowledged of late has to be sent again, before everything else and under its old mids. */
  sendAgain(): void {
    const again = this.#acknowledged;
    this.#acknowledged = [];
    for (const { letter } of again.toReversed()) {
      this.#lettersOf(letter.conv).unshift({ ...letter, inFlight: false, notBefore: 0 });
    }
    this.#size += again.length;
  }

  /** What is to be sent now; it counts as under way. */
  take(now: number): Letter[] {
    const ready: Letter[] = [];
    for (const [first] of this.#byConv.values()) {
      if (!first || first.inFlight || first.notBefore > now) continue;
      first.inFlight = true;
      ready.push(first);
    }
    return ready;
  }

  /** Not to be sent (again), for instance refused for good; false if it is not here (any more). */
  remove(conv: string, mid: string): boolean {
    const letters = this.#byConv.get(conv);
    if (letters?.[0]?.mid !== mid) return false;
    letters.shift();
    this.#size--;
    return true;
  }

  /** The server asked to try again at `time`. */
  postpone(mid: string, time: number): void {
    for (const [first] of this.#byConv.values()) {
      if (first?.mid !== mid) continue;
      first.inFlight = false;
      first.notBefore = time;
    }
  }

  /** The connection broke: whatever was under way has to be sent again. Gives the mids of that. */
  restart(): string[] {
    const cut: string[] = [];
    for (const [first] of this.#byConv.values()) {
      if (!first?.inFlight) continue;
      cut.push(first.mid);
      first.inFlight = false;
    }
    return cut;
  }

  /** Everything unacknowledged. */
  mids(): string[] {
    return [...this.#byConv.values()].flatMap((letters) => letters.map(({ mid }) => mid));
  }

  #lettersOf(conv: string): Waiting[] {
    let letters = this.#byConv.get(conv);
    if (!letters) this.#byConv.set(conv, letters = []);
    return letters;
  }
}
