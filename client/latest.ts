/** The last message that somebody knows of a conversation: of one's own, and of others. */
interface Last {
  own?: number;
  others?: number;
}

/** Which message of a conversation is the last one, for commands that say `last` instead of a number. */
export class Latest {
  readonly #of = new Map<string, Last>();

  note(conv: string, seq: number, whose: keyof Last): void {
    const last = this.#of.get(conv) ?? {};
    if (seq > (last[whose] ?? 0)) last[whose] = seq;
    this.#of.set(conv, last);
  }

  /** Undefined if none was seen since the login. */
  get(conv: string, whose: keyof Last): number | undefined {
    return this.#of.get(conv)?.[whose];
  }

  /** The numbers of the conversations mean other entries now. */
  forget(): void {
    this.#of.clear();
  }
}
