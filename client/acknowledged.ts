/** How long an acknowledged message is kept, in ms, how many, and how many characters of them. */
const KEPT_FOR = 10 * 60 * 1000;
const MOST = 500;
const MOST_TEXT = 1024 * 1024;

interface Kept<T> {
  readonly item: T;
  readonly at: number;
}

/**
 * The messages that were acknowledged lately. A database that comes back older than it was may have lost them; sent
 * again under their old ids they are stored again, and what was not lost is not stored twice.
 */
export class Acknowledged<T extends { readonly text: string }> {
  readonly #now: () => number;
  #kept: Kept<T>[] = [];
  #text = 0;

  /** @param now A clock in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(item: T): void {
    this.#kept.push({ item, at: this.#now() });
    this.#text += item.text.length;
    while (this.#kept.length > MOST || this.#text > MOST_TEXT) this.#drop();
  }

  /** Takes them out, oldest first. */
  take(): T[] {
    while (this.#kept.length > 0 && this.#kept[0]!.at < this.#now() - KEPT_FOR) this.#drop();
    const items = this.#kept.map(({ item }) => item);
    this.#kept = [];
    this.#text = 0;
    return items;
  }

  #drop(): void {
    this.#text -= this.#kept.shift()!.item.text.length;
  }
}
