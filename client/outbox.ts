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
  /** Not before this time, after the server asked to wait. */
  notBefore: number;
}

/**
 * Messages until they are acknowledged, in the order they were written.
 *
 * Of one target only one is under way at a time: a server that refuses one for the moment ("too fast", "not
 * stored") may take the next, and what it then stores is in the wrong order for good.
 */
export class Outbox<T extends Outgoing> {
  readonly #entries = new Map<string, Entry<T>>();

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
    this.#entries.set(item.mid, { item, inFlight: false, notBefore: 0 });
  }

  /** Puts messages before all others, to be sent again. */
  addFirst(items: readonly T[]): void {
    const others = [...this.#entries];
    this.#entries.clear();
    for (const item of items) this.add(item);
    for (const [mid, entry] of others) this.#entries.set(mid, entry);
  }

  /** Whether it has been sent on this connection and not been answered. */
  isUnderWay(mid: string): boolean {
    return this.#entries.get(mid)?.inFlight ?? false;
  }

  /** What is to be sent now, oldest first; it counts as under way from here on. */
  take(now: number): T[] {
    const busy = new Set<string>();
    const ready: T[] = [];
    for (const entry of this.#entries.values()) {
      if (busy.has(entry.item.target)) continue;
      busy.add(entry.item.target);
      if (entry.inFlight || entry.notBefore > now) continue;
      entry.inFlight = true;
      ready.push(entry.item);
    }
    return ready;
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
  }

  /** The connection broke: whatever was under way has to be sent again. */
  restart(): void {
    for (const entry of this.#entries.values()) entry.inFlight = false;
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

  clear(): void {
    this.#entries.clear();
  }
}
