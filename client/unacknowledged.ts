/** A message that the server has not acknowledged yet. */
export interface Outgoing {
  readonly mid: string;
  readonly msgid: number;
  /** Who gets it; messages to one target are sent one after the other. */
  readonly target: string;
  /** The JSON text of the frame: every resend is the same. */
  readonly text: string;
}

interface Entry<T extends Outgoing> {
  readonly item: T;
  inFlight: boolean;
  /** Not before this time: the server asked to wait, or may still answer. */
  notBefore: number;
  /** How often it was sent on this connection without any answer. */
  unanswered: number;
}

/** Without an answer for so long a message is sent again; each further time after twice as long, up to the last. */
const PATIENCE = { first: 5000, last: 60_000 } as const;

/**
 * Messages until they are acknowledged, in the order they were written.
 *
 * Of one target only one is under way at a time: a server that refuses one for the moment ("too fast", "not
 * stored") may take the next, and what it then stores is in the wrong order for good.
 */
export class Unacknowledged<T extends Outgoing> {
  #entries = new Map<string, Entry<T>>();

  get size(): number {
    return this.#entries.size;
  }

  /** Everything unacknowledged, oldest first. */
  items(): T[] {
    return [...this.#entries.values()].map((entry) => entry.item);
  }

  has(mid: string): boolean {
    return this.#entries.has(mid);
  }

  add(item: T): void {
    this.#entries.set(item.mid, entryOf(item));
  }

  /** The same message with another text, in its place. */
  replace(item: T): void {
    const entry = this.#entries.get(item.mid);
    if (entry) this.#entries.set(item.mid, { ...entry, item });
  }

  /** Messages that were acknowledged, and may be lost all the same: they go before everything that is here. */
  putBack(items: readonly T[]): void {
    const later = this.#entries;
    this.#entries = new Map(items.map((item) => [item.mid, entryOf(item)]));
    for (const [mid, entry] of later) this.#entries.set(mid, entry);
  }

  /**
   * What is to be sent now, oldest first; it counts as under way from here on. If no answer comes in good time it is
   * due once more: the acknowledgement may be lost, and the server stores it only once.
   */
  take(now: number): T[] {
    const busy = new Set<string>();
    const ready: T[] = [];
    for (const entry of this.#entries.values()) {
      if (busy.has(entry.item.target)) continue;
      busy.add(entry.item.target);
      if (entry.notBefore > now) continue;
      entry.inFlight = true;
      entry.notBefore = now + Math.min(PATIENCE.first * 2 ** entry.unanswered, PATIENCE.last);
      entry.unanswered++;
      ready.push(entry.item);
    }
    return ready;
  }

  /** When {@linkcode Unacknowledged.take} will next have something that it has not now; undefined if never. */
  due(): number | undefined {
    const busy = new Set<string>();
    let due: number | undefined;
    for (const { item, notBefore } of this.#entries.values()) {
      if (busy.has(item.target)) continue;
      busy.add(item.target);
      due = Math.min(due ?? notBefore, notBefore);
    }
    return due;
  }

  /** Takes out what was acknowledged or refused for good; undefined if it is not (any more) here. */
  remove(mid: string): T | undefined {
    const entry = this.#entries.get(mid);
    this.#entries.delete(mid);
    return entry?.item;
  }

  /** The server asked to try again at `time`. */
  postpone(mid: string, time: number): void {
    const entry = this.#entries.get(mid);
    if (entry === undefined) return;
    entry.inFlight = false;
    entry.notBefore = time;
    entry.unanswered = 0;
  }

  /** The connection broke: whatever was under way has to be sent again. */
  restart(): void {
    for (const [mid, { item }] of this.#entries) this.#entries.set(mid, entryOf(item));
  }

  /** The oldest under way of this kind; the longest of any kind if none is named. */
  underWay(msgid?: number): T | undefined {
    const flying = [...this.#entries.values()].filter((entry) => entry.inFlight).map((entry) => entry.item);
    if (msgid !== undefined) return flying.find((item) => item.msgid === msgid);
    let longest: T | undefined;
    for (const item of flying) {
      if (longest === undefined || item.text.length > longest.text.length) longest = item;
    }
    return longest;
  }
}

function entryOf<T extends Outgoing>(item: T): Entry<T> {
  return { item, inFlight: false, notBefore: 0, unanswered: 0 };
}
