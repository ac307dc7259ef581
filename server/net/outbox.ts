import { OUTBOX_LAST_DEFENCE } from "../bounds.ts";
import type { Encoder } from "./encoder.ts";

/** What an outbox writes to; a TCP connection, or a test. May take part of the bytes. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Frames of one turn of the loop are joined up to so many characters a write. */
const JOIN = 64 * 1024;

/** A frame's text, or what is called when everything before it has been handed to the network. */
type Item = string | (() => void);

/**
 * The one writer of a connection: a queue that is written in order. It does not refuse anything
 * itself; whoever pushes asks {@linkcode Outbox.writable} first (I7), and whoever answers requests stops reading them.
 *
 * Frames wait as text, which several connections can share, and become bytes when they are written: one encoding for
 * each write. A UTF-16 unit is counted as one byte.
 */
export class Outbox {
  readonly #sink: ByteSink;
  readonly #encoder: Encoder;
  readonly #bound: number;
  readonly #onFailure: (error: unknown) => void;
  #items: Item[] = [];
  #queued = 0;
  #running: Promise<void> | undefined;
  #failed = false;
  #waiting: (() => void)[] = [];
  /**
   * Whether frames that wait are written together. Programs of the first generation take what one `recv` gives them
   * for one frame.
   */
  joinWrites = false;

  /**
   * @param bound Bytes from which on {@linkcode writable} is false.
   * @param onFailure Called once when a write fails; nothing is written after that.
   */
  constructor(
    sink: ByteSink,
    options: { encoder: Encoder; bound: number; onFailure: (error: unknown) => void },
  ) {
    this.#sink = sink;
    this.#encoder = options.encoder;
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

  /** Queues a frame, with its line end. `written` is called when it has been handed to the network. */
  add(frame: string, written?: () => void): void {
    if (this.#failed) return;
    this.#items.push(frame);
    if (written) this.#items.push(written);
    this.#queued += frame.length;
    // Never reached by those who ask first; whatever forgets to must not take the server's memory.
    if (this.#queued > this.#bound + OUTBOX_LAST_DEFENCE) return this.fail(new Error("too much is queued"));
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
      const items = this.#take();
      const text = textOf(items);
      try {
        await this.#write(this.#encoder.encode(text));
      } catch (error) {
        this.fail(error);
        break;
      }
      if (this.#failed) break;
      this.#queued -= text.length;
      for (const item of items) if (typeof item === "function") item();
      if (this.#queued * 2 < this.#bound) this.#wakeAll();
    }
    this.#running = undefined;
  }

  /** The frames that go together, at least one, and what is to be called after them. */
  #take(): Item[] {
    const most = this.joinWrites ? JOIN : 0;
    let size = 0;
    let count = 0;
    for (const item of this.#items) {
      if (typeof item === "string" && count > 0 && (size += item.length) > most) break;
      if (count++ === 0) size = item.length;
    }
    if (count < this.#items.length) return this.#items.splice(0, count);
    const all = this.#items;
    this.#items = [];
    return all;
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

function textOf(items: readonly Item[]): string {
  let text = "";
  for (const item of items) if (typeof item === "string") text += item;
  return text;
}
