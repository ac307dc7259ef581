import { OUTBOX_LAST_DEFENCE } from "../bounds.ts";
import type { After } from "../system.ts";
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
  readonly #pace: { readonly ms: number; readonly after: After } | undefined;
  #items: Item[] = [];
  #queued = 0;
  #running: Promise<void> | undefined;
  #failed = false;
  #waiting: { mayGoOn: () => boolean; resolve: () => void }[] = [];
  /** While the pace after a frame lasts: what is to be called then, and what ends it early. */
  #rest: { readonly callbacks: (() => void)[]; readonly end: () => void } | undefined;
  /** Whether the other side has ended. */
  #isGone = false;
  /**
   * Whether frames that wait are written together, and without a pace between them. Programs of the first generation
   * take what one `recv` gives them for one frame.
   */
  joinWrites = false;

  /**
   * @param options `bound`: bytes from which on {@linkcode writable} is false. `onFailure`: called once when a write
   * fails; nothing is written after that. `pace`: ms between the end of a write and the beginning of the next one,
   * unless writes are joined.
   */
  constructor(
    sink: ByteSink,
    options: {
      encoder: Encoder;
      bound: number;
      onFailure: (error: unknown) => void;
      pace?: { ms: number; after: After };
    },
  ) {
    this.#sink = sink;
    this.#encoder = options.encoder;
    this.#bound = options.bound;
    this.#onFailure = options.onFailure;
    if (options.pace && options.pace.ms > 0) this.#pace = options.pace;
  }

  /** Bytes that wait or are being written. */
  get queued(): number {
    return this.#queued;
  }

  /** Whether something may be pushed. A paced outbox holds one push at a time: what waits for the pace waits elsewhere. */
  get writable(): boolean {
    if (this.#failed) return false;
    return this.#isPaced ? this.#queued === 0 && !this.#rest : this.#queued < this.#bound;
  }

  /** Whether so many answers wait that no further request may be looked at. */
  get isFull(): boolean {
    return this.#queued >= this.#bound;
  }

  /**
   * Queues a frame, with its line end. `written` is called when it has been handed to the network; where there is a
   * pace, at its end, if the other side is still there.
   */
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
    while (!this.#failed && !this.writable) {
      await this.#until(() => this.#isPaced ? this.writable : this.#queued * 2 < this.#bound);
    }
    return !this.#failed;
  }

  /** Resolves when half of the bound has left, or writing has failed. */
  async room(): Promise<void> {
    while (!this.#failed && this.isFull) await this.#until(() => this.#queued * 2 < this.#bound);
  }

  /** Resolves when everything has been written, or writing has failed. */
  async flushed(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** The other side has shown, after the last write, that it is there: the end of the pace has nothing to add. */
  confirm(): void {
    for (const written of this.#rest?.callbacks.splice(0) ?? []) written();
  }

  /** The other side has ended. It may still read, but what waits for its pace, or is written later, is not confirmed. */
  forsake(): void {
    this.#isGone = true;
  }

  /** Gives up what is queued. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#items = [];
    this.#queued = 0;
    this.#rest?.end();
    this.#wake();
    this.#onFailure(error);
  }

  get #isPaced(): boolean {
    return this.#pace !== undefined && !this.joinWrites;
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
      const callbacks = items.filter((item) => typeof item === "function");
      if (this.#pace && !this.joinWrites) await this.#restFor(this.#pace, callbacks);
      if (this.#failed) break;
      if (!this.#isGone) { for (const written of callbacks) written(); }
      this.#wake();
    }
    this.#running = undefined;
  }

  /** Lets the pace pass. {@linkcode confirm} takes what it has called out of `callbacks`. */
  async #restFor({ ms, after }: { ms: number; after: After }, callbacks: (() => void)[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = after(ms, resolve);
    this.#rest = { callbacks, end: resolve };
    await promise;
    cancel();
    this.#rest = undefined;
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

  #until(mayGoOn: () => boolean): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ mayGoOn, resolve }));
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const free = this.#waiting.filter(({ mayGoOn }) => this.#failed || mayGoOn());
    this.#waiting = this.#waiting.filter((waiting) => !free.includes(waiting));
    for (const { resolve } of free) resolve();
  }
}

function textOf(items: readonly Item[]): string {
  let text = "";
  for (const item of items) if (typeof item === "string") text += item;
  return text;
}
