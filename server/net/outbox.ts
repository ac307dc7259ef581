/** What an outbox writes to; a TCP connection, or a test. May take part of the bytes. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes of one turn of the loop are joined up to this many bytes. */
const JOIN = 64 * 1024;

/** Bytes beyond the bound that end the connection. A login answer is the largest single thing. */
const LAST_DEFENCE = 32 * 1024 * 1024;

interface Item {
  readonly bytes: Uint8Array;
  readonly written: (() => void) | undefined;
}

/**
 * The one writer of a connection: a queue, counted in bytes, that is written in order. It does not refuse anything
 * itself; whoever pushes asks {@linkcode Outbox.writable} first (I7), and whoever answers requests stops reading them.
 */
export class Outbox {
  readonly #sink: ByteSink;
  readonly #bound: number;
  readonly #onFailure: (error: unknown) => void;
  #items: Item[] = [];
  #queued = 0;
  #running: Promise<void> | undefined;
  #failed = false;
  #waiting: (() => void)[] = [];
  /**
   * Whether frames that wait together may go out in one write. Programs of the first generation take what one
   * `recv` gives them for one frame.
   */
  joinWrites = false;

  /**
   * @param bound Bytes from which on {@linkcode writable} is false.
   * @param onFailure Called once when a write fails; nothing is written after that.
   */
  constructor(sink: ByteSink, options: { bound: number; onFailure: (error: unknown) => void }) {
    this.#sink = sink;
    this.#bound = options.bound;
    this.#onFailure = options.onFailure;
  }

  /** Bytes that wait or are being written. */
  get queued(): number {
    return this.#queued;
  }

  get writable(): boolean {
    return this.#queued < this.#bound && !this.#failed;
  }

  /** Queues bytes, which are not copied. `written` is called when they have been handed to the network. */
  add(bytes: Uint8Array, written?: () => void): void {
    if (this.#failed) return;
    this.#items.push({ bytes, written });
    this.#queued += bytes.length;
    // Never reached by those who ask first; whatever forgets to must not take the server's memory.
    if (this.#queued > this.#bound + LAST_DEFENCE) return this.fail(new Error("too much is queued"));
    this.#running ??= this.#run();
  }

  /**
   * Resolves to true when it is writable, having waited for half of its bound to leave if it was not; to false if
   * writing has failed.
   */
  async drained(): Promise<boolean> {
    while (!this.#failed && this.#queued >= this.#bound) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return !this.#failed;
  }

  /** Resolves when everything has been written, or writing has failed. */
  async flushed(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Gives up what is queued. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#items = [];
    this.#queued = 0;
    this.#wakeAll();
    this.#onFailure(error);
  }

  async #run(): Promise<void> {
    // One microtask, so that what the same turn adds joins this write.
    await undefined;
    while (this.#items.length > 0) {
      const items = this.joinWrites ? this.#take() : this.#items.splice(0, 1);
      const bytes = items.length === 1 ? items[0]!.bytes : join(items);
      try {
        await this.#write(bytes);
      } catch (error) {
        this.fail(error);
        break;
      }
      if (this.#failed) break;
      this.#queued -= bytes.length;
      for (const item of items) item.written?.();
      if (this.#queued * 2 < this.#bound) this.#wakeAll();
    }
    this.#running = undefined;
  }

  #take(): Item[] {
    let size = 0;
    let count = 0;
    while (count < this.#items.length && (count === 0 || size + this.#items[count]!.bytes.length <= JOIN)) {
      size += this.#items[count++]!.bytes.length;
    }
    return this.#items.splice(0, count);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(await this.#sink.write(rest));
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

function join(items: readonly Item[]): Uint8Array {
  let length = 0;
  for (const item of items) length += item.bytes.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const item of items) {
    joined.set(item.bytes, at);
    at += item.bytes.length;
  }
  return joined;
}
