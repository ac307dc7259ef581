import { IN_FLIGHT } from "../bounds.ts";

/** Counts one connection's requests under way and their bytes, for those who must wait until there are fewer. */
export class InFlight {
  #count = 0;
  #bytes = 0;
  #waiting: { mayGoOn: () => boolean; resolve: () => void }[] = [];

  get count(): number {
    return this.#count;
  }

  /** @param size Of the request's frame, in bytes. */
  start(size: number): void {
    this.#count++;
    this.#bytes += size;
  }

  /** @param size What {@linkcode start} was told. */
  end(size: number): void {
    this.#count--;
    this.#bytes -= size;
    if (this.#waiting.length === 0) return;
    const free = this.#waiting.filter(({ mayGoOn }) => mayGoOn());
    this.#waiting = this.#waiting.filter(({ mayGoOn }) => !mayGoOn());
    for (const { resolve } of free) resolve();
  }

  /** Resolves when another request may begin; undefined if it may at once. A request larger than all room goes alone. */
  room(): Promise<void> | undefined {
    return this.#hasRoom ? undefined : this.#until(() => this.#hasRoom);
  }

  /** Resolves when nothing is under way; undefined if nothing is. */
  idle(): Promise<void> | undefined {
    return this.#count === 0 ? undefined : this.#until(() => this.#count === 0);
  }

  get #hasRoom(): boolean {
    return this.#count < IN_FLIGHT.requests && this.#bytes < IN_FLIGHT.bytes;
  }

  #until(mayGoOn: () => boolean): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ mayGoOn, resolve }));
  }
}
