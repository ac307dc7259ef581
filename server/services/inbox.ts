import { delay } from "@std/async/delay";
import { Errno, Refusal } from "../errors.ts";
import { Push } from "../protocol/encode.ts";
import type { LogMessage, Progress } from "../protocol/messages.ts";
import { type LogStore, StoreUnavailable } from "../stores/store.ts";
import type { Cursors } from "./cursors.ts";
import type { Peer } from "./peer.ts";

/** How much of a conversation is read at once while catching up: entries, and characters of text. */
const PAGE = { limit: 200, maxSize: 64 * 1024 } as const;
/** How long to leave a store alone that could not be reached, in ms. */
const STORE_RETRY = 500;

/** Where one session is in one conversation. */
interface Position {
  /** The newest entry that was pushed, or that the session's own user wrote. */
  pushed: number;
  /** The newest entry by somebody else that was pushed. */
  foreign: number;
  /** What the client confirmed. */
  delivered: number;
}

/**
 * Brings every conversation to one session in order and without holes (I4). An entry that is the next one and finds
 * room goes straight out; anything else (a gap, a full connection, what came before the login) only marks the
 * conversation as behind, and the log is read from the last pushed entry on, at the pace that the client reads.
 *
 * A user's own entries are not pushed, only counted.
 */
export class Inbox {
  readonly #user: number;
  readonly #peer: Peer;
  readonly #log: LogStore;
  readonly #cursors: Cursors;
  readonly #onDefect: (error: unknown) => void;
  readonly #positions = new Map<string, Position>();
  /** Conversations to be read from the log, up to the seq at least. */
  readonly #behind = new Map<string, number>();
  readonly #closing = new AbortController();
  #started = false;
  #pumping = false;

  constructor(options: {
    user: number;
    peer: Peer;
    log: LogStore;
    cursors: Cursors;
    onDefect: (error: unknown) => void;
  }) {
    this.#user = options.user;
    this.#peer = options.peer;
    this.#log = options.log;
    this.#cursors = options.cursors;
    this.#onDefect = options.onDefect;
  }

  /** Takes over the cursors as the store has them. Entries offered since the inbox exists are not lost. */
  load(conversations: readonly Progress[]): void {
    for (const { conv, seq, delivered } of conversations) {
      this.#positions.set(conv, { pushed: delivered, foreign: delivered, delivered });
      if (seq > delivered) this.#fallBehind(conv, seq);
    }
  }

  /** Begins to push. Until then entries are only noted. */
  start(): void {
    this.#started = true;
    this.#wake();
  }

  /** Ends all pushing; what is queued on the connection stays its business. */
  close(): void {
    this.#closing.abort();
    this.#behind.clear();
  }

  /** A conversation that the user has just entered: what comes after `seq` is theirs. */
  enter(conv: string, seq: number): void {
    if (!this.#positions.has(conv)) {
      this.#positions.set(conv, { pushed: seq, foreign: seq, delivered: seq });
    }
  }

  /** An entry that has been committed. May come late, twice, or out of order. */
  offer(push: Push): void {
    const { conv, seq, sender } = push.message;
    if (!this.#started) return this.#fallBehind(conv, seq);
    const position = this.#position(conv);
    if (seq <= position.pushed) return;
    const next = seq === position.pushed + 1 && !this.#behind.has(conv);
    if (next && (sender === this.#user || this.#peer.writable)) {
      this.#advance(position, push);
    } else {
      this.#fallBehind(conv, seq);
      this.#wake();
    }
  }

  /** The log has entries of a conversation up to `seq` at least. */
  notice(conv: string, seq: number): void {
    if (this.#started && seq <= this.#position(conv).pushed) return;
    this.#fallBehind(conv, seq);
    this.#wake();
  }

  /**
   * The client has everything of a conversation up to `seq`.
   * @throws {Refusal} errno 109 if the user is not in it, 100 if it has no such entry yet.
   */
  confirm(conv: string, seq: number): void {
    const position = this.#positions.get(conv);
    if (!position) throw new Refusal(Errno.NOT_ALLOWED, `you are not in the conversation ${conv}`);
    if (seq > Math.max(position.pushed, this.#behind.get(conv) ?? 0)) {
      throw new Refusal(Errno.BAD_FRAME, `"seq" is beyond the newest message of ${conv}`);
    }
    position.delivered = Math.max(position.delivered, seq);
    // A client that kept messages from an earlier connection may know more than was pushed on this one.
    position.pushed = Math.max(position.pushed, seq);
    this.#mark(conv, position);
  }

  /**
   * Reads what is waiting, oldest first over all conversations, for a client that takes it in its login answer.
   * Ends after about `maxSize` characters; the rest is pushed once the inbox starts.
   */
  async takeWaiting(maxSize: number): Promise<LogMessage[]> {
    const taken: LogMessage[] = [];
    let room = maxSize;
    for (const conv of [...this.#behind.keys()]) {
      const position = this.#position(conv);
      while (room > 0) {
        const page = await this.#log.read({ conv, after: position.pushed, ...PAGE });
        if (page.length === 0) break;
        for (const message of page) {
          if (room <= 0) break;
          position.pushed = message.seq;
          if (message.sender === this.#user) continue;
          position.foreign = message.seq;
          room -= message.body.length + 100;
          taken.push(message);
        }
      }
      this.#settle(conv, position);
    }
    return byAge(taken);
  }

  /** What was handed to the network counts as delivered for clients that send no receipts. */
  written(message: LogMessage): void {
    const position = this.#position(message.conv);
    position.delivered = Math.max(position.delivered, message.seq);
    this.#mark(message.conv, position);
  }

  #position(conv: string): Position {
    let position = this.#positions.get(conv);
    if (!position) {
      // Not there at login and not entered since: a pair's conversation that has begun just now.
      position = { pushed: 0, foreign: 0, delivered: 0 };
      this.#positions.set(conv, position);
    }
    return position;
  }

  #advance(position: Position, push: Push): void {
    const { message } = push;
    position.pushed = message.seq;
    if (message.sender === this.#user) {
      this.#mark(message.conv, position);
      return;
    }
    position.foreign = message.seq;
    if (this.#peer.generation === 1) this.#peer.push(push, () => this.written(message));
    else this.#peer.push(push);
  }

  /** With everything of others confirmed, what follows of one's own needs no confirmation. */
  #mark(conv: string, position: Position): void {
    const delivered = position.delivered >= position.foreign ? position.pushed : position.delivered;
    this.#cursors.mark({ user: this.#user, conv, delivered });
  }

  #fallBehind(conv: string, seq: number): void {
    this.#behind.set(conv, Math.max(seq, this.#behind.get(conv) ?? 0));
  }

  #settle(conv: string, position: Position): void {
    if (position.pushed >= (this.#behind.get(conv) ?? 0)) this.#behind.delete(conv);
  }

  #wake(): void {
    if (this.#pumping || !this.#started || this.#behind.size === 0 || this.#closing.signal.aborted) return;
    this.#pumping = true;
    this.#pump().catch(this.#onDefect).finally(() => this.#pumping = false);
  }

  async #pump(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const conv = this.#behind.keys().next().value;
      if (conv === undefined) return;
      await this.#peer.drained();
      try {
        await this.#catchUp(conv);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        await delay(STORE_RETRY, { signal }).catch(() => "closed while waiting");
      }
    }
  }

  async #catchUp(conv: string): Promise<void> {
    const position = this.#position(conv);
    const page = await this.#log.read({ conv, after: position.pushed, ...PAGE });
    if (this.#closing.signal.aborted) return;
    for (const message of page) {
      if (message.seq <= position.pushed) continue;
      if (message.sender !== this.#user && !this.#peer.writable) return;
      this.#advance(position, new Push(message));
    }
    // The log is the truth: what it does not have cannot be missing.
    if (page.length === 0) this.#behind.delete(conv);
    else this.#settle(conv, position);
  }
}

/** Sorts by time without ever changing the order within a conversation, whatever the clock did. */
function byAge(messages: readonly LogMessage[]): LogMessage[] {
  const newest = new Map<string, number>();
  const aged = messages.map((message) => {
    const at = Math.max(message.at, newest.get(message.conv) ?? 0);
    newest.set(message.conv, at);
    return { message, at };
  });
  return aged.sort((a, b) => a.at - b.at).map(({ message }) => message);
}
