interface Letter {
  readonly mid: string;
  /** The JSON text of the frame: every resend is the same. */
  readonly text: string;
  inFlight: boolean;
  /** Not before this time, after the server asked to wait. */
  notBefore: number;
}

/**
 * Messages until they are acknowledged. Of one conversation only one is under way at a time, so that a refusal for the
 * moment does not change the order.
 */
export class Outgoing {
  readonly #byConv = new Map<string, Letter[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(conv: string, { mid, text }: { mid: string; text: string }): void {
    const letters = this.#byConv.get(conv);
    const letter = { mid, text, inFlight: false, notBefore: 0 };
    if (letters) letters.push(letter);
    else this.#byConv.set(conv, [letter]);
    this.#size++;
  }

  /** The texts to be sent now; they count as under way. */
  take(now: number): string[] {
    const ready: string[] = [];
    for (const [first] of this.#byConv.values()) {
      if (!first || first.inFlight || first.notBefore > now) continue;
      first.inFlight = true;
      ready.push(first.text);
    }
    return ready;
  }

  /** Acknowledged, or refused for good; false if it is not here (any more). */
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

  /** The connection broke: whatever was under way has to be sent again. */
  restart(): void {
    for (const [first] of this.#byConv.values()) if (first) first.inFlight = false;
  }

  /** Everything unacknowledged. */
  mids(): string[] {
    return [...this.#byConv.values()].flatMap((letters) => letters.map(({ mid }) => mid));
  }
}
