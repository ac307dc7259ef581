import { HELD_ENTRIES } from "../bounds.ts";
import type { Push } from "../protocol/encode.ts";
import { type LogStore, StoreUnavailable } from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";

/** How long an entry waits for those before it, in ms. What another node announced is a moment later than one's own. */
const PATIENCE = 30;
/** A gap of more is none of entries that are on their way; and no more than these wait. */
const MOST = 256;
/** After so long without an entry nobody knows what has been missed, in ms. */
const STALE = 10_000;
/** Conversations that are remembered, at most. */
const MOST_CONVERSATIONS = 20_000;

interface Conversation {
  /** The newest entry that was passed on. */
  last: number;
  at: number;
  /** Entries that wait for those before them. */
  readonly held: Map<number, Push>;
  cancel: Cancel | undefined;
  reading: boolean;
}

/**
 * Brings what this node has committed and what others announce into one order for each conversation, before it goes to
 * the sessions. Each of them would make sure of it alone, by reading the log; here that happens once for all, and
 * seldom, since what is missing has nearly always come within milliseconds. Nothing depends on it: whatever is passed
 * on too early, or not at all, the sessions find out for themselves.
 */
export class Sequencer {
  readonly #log: LogStore;
  readonly #deliver: (push: Push) => void;
  readonly #toPush: (message: Push["message"]) => Push;
  readonly #system: Pick<System, "monotonic" | "after">;
  readonly #onDefect: (error: unknown) => void;
  readonly #conversations = new Map<string, Conversation>();
  /** Of the texts that wait, in characters. */
  #size = 0;

  constructor(options: {
    log: LogStore;
    /** Offers an entry to the sessions here that may read it. */
    deliver: (push: Push) => void;
    toPush: (message: Push["message"]) => Push;
    system: Pick<System, "monotonic" | "after">;
    onDefect: (error: unknown) => void;
  }) {
    this.#log = options.log;
    this.#deliver = options.deliver;
    this.#toPush = options.toPush;
    this.#system = options.system;
    this.#onDefect = options.onDefect;
  }

  /** An entry that has been committed; may come late, twice, or out of order. */
  pass(push: Push): void {
    const { conv, seq } = push.message;
    const now = this.#system.monotonic();
    const known = this.#conversations.get(conv);
    if (!known) return this.#begin(push, now);
    const isFar = seq > known.last + MOST || now - known.at > STALE;
    known.at = now;
    if (seq <= known.last) return this.#deliver(push);
    if (seq === known.last + 1 && !known.reading) {
      this.#advance(known, push);
    } else if (isFar && known.held.size === 0) {
      this.#advance(known, push);
    } else {
      this.#hold(known, push);
      if (this.#size > HELD_ENTRIES) return this.close();
      if (known.held.size >= MOST) return this.#giveUp(known);
      known.cancel ??= this.#system.after(PATIENCE, () => void this.#fill(conv, known).catch(this.#onDefect));
    }
  }

  /** Passes on whatever waits. */
  close(): void {
    for (const known of this.#conversations.values()) this.#giveUp(known);
    this.#conversations.clear();
  }

  #begin(push: Push, now: number): void {
    const { conv, seq } = push.message;
    if (this.#conversations.size >= MOST_CONVERSATIONS) this.close();
    this.#conversations.set(conv, {
      last: seq,
      at: now,
      held: new Map(),
      cancel: undefined,
      reading: false,
    });
    this.#deliver(push);
  }

  #advance(known: Conversation, push: Push): void {
    known.last = push.message.seq;
    this.#deliver(push);
    for (let next = known.held.get(known.last + 1); next; next = known.held.get(known.last + 1)) {
      this.#release(known, ++known.last);
      this.#deliver(next);
    }
    if (known.held.size > 0 || known.cancel === undefined) return;
    known.cancel?.();
    known.cancel = undefined;
  }

  /** What did not come is read. */
  async #fill(conv: string, known: Conversation): Promise<void> {
    known.reading = true;
    try {
      const newest = Math.max(...known.held.keys());
      const limit = Math.min(MOST, newest - known.last);
      for (const message of await this.#log.read({ conv, after: known.last, limit })) {
        if (message.seq !== known.last + 1) continue;
        known.last = message.seq;
        this.#deliver(known.held.get(message.seq) ?? this.#toPush(message));
        this.#release(known, message.seq);
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    } finally {
      known.reading = false;
      this.#giveUp(known);
    }
  }

  #hold(known: Conversation, push: Push): void {
    this.#release(known, push.message.seq);
    known.held.set(push.message.seq, push);
    this.#size += push.message.body.length;
  }

  #release(known: Conversation, seq: number): void {
    this.#size -= known.held.get(seq)?.message.body.length ?? 0;
    known.held.delete(seq);
  }

  /** Passes on what waits as it is. */
  #giveUp(known: Conversation): void {
    known.cancel?.();
    known.cancel = undefined;
    const held = [...known.held.values()].sort((a, b) => a.message.seq - b.message.seq);
    for (const { message } of held) this.#release(known, message.seq);
    for (const push of held) {
      known.last = Math.max(known.last, push.message.seq);
      this.#deliver(push);
    }
  }
}
