import { NEWS } from "../bounds.ts";
import { Errno, Refusal } from "../errors.ts";
import { pairConv } from "../protocol/conversation.ts";
import { Push } from "../protocol/encode.ts";
import { messageFrame } from "../protocol/message_frame.ts";
import type { LogMessage, Progress, Reply } from "../protocol/messages.ts";
import { type Appended, type LogStore, type NewMessage, StoreUnavailable } from "../stores/store.ts";
import type { System } from "../system.ts";
import type { Cursors } from "./cursors.ts";
import { OwnEntries } from "./own_entries.ts";
import type { Peer } from "./peer.ts";

/** How much of a conversation is read at once while catching up: entries, and characters of text. */
const PAGE = { limit: 200, maxSize: 64 * 1024 } as const;
/** The same while other conversations wait for their turn, or each entry waits for the pace of a v1 client. */
const SMALL_PAGE = { limit: 50, maxSize: 16 * 1024 } as const;
/** With less room than this in a login answer no further conversation is asked for, in bytes. */
const LEAST_WAITING = 64;
/** How often to look whether the session may be served again, in ms. */
const UNSURE_PAUSE = 200;
/** How long to leave a store alone that could not be reached, in ms. */
const STORE_RETRY = 500;

/** Where one session is in one conversation. */
interface Position {
  /** The newest entry that was pushed or counted. */
  pushed: number;
  /** The newest entry that was pushed. */
  foreign: number;
  /** What the client confirmed. */
  delivered: number;
  /** What the client said was read. */
  read: number;
}

/**
 * Brings every conversation to one session in order and without holes (I4). An entry that is the next one and finds
 * room goes straight out; anything else (a gap, a full connection, what came before the login) only marks the
 * conversation as behind, and the log is read from the last pushed entry on, at the pace that the client reads.
 * Conversations that are behind take turns, one page each: a long one delays none of the others.
 *
 * On the nameless device a user's own entries are not pushed, only counted. On one with a name this is so for what the
 * very session has written; what was written on other devices of the user is pushed like everything else. Entries that
 * the client has no word for are only counted, too.
 */
export class Inbox {
  readonly #user: number;
  readonly #device: string;
  /** What this session has written; undefined on the nameless device. */
  readonly #own: OwnEntries | undefined;
  readonly #toSelf: string;
  readonly #peer: Peer;
  readonly #log: LogStore;
  readonly #cursors: Cursors;
  /** Which of the logs that this node has known the positions are about. */
  readonly #history: number;
  readonly #mayServe: () => boolean;
  readonly #onEntry: (message: LogMessage) => void;
  readonly #after: System["after"];
  readonly #onDefect: (error: unknown) => void;
  readonly #positions = new Map<string, Position>();
  /** Conversations to be read from the log, up to the seq at least. */
  readonly #behind = new Map<string, number>();
  /** Those of them that were marked since the log was last asked about them. */
  readonly #marked = new Set<string>();
  /** Entries up to these seqs of conversations whose cursors have not been loaded yet. */
  readonly #unplaced = new Map<string, number>();
  /** Whether the cursors of all conversations have been loaded. */
  #isWhole = true;
  /** What to tell a client that does not read just now. */
  readonly #news = new Map<string, Reply>();
  #closed = false;
  /** Ends the pause that the inbox is in. */
  #hurry: (() => void) | undefined;
  #started = false;
  #pumping = false;

  /**
   * @param options `mayServe`: whether the session is certainly still its user's only one; nothing is pushed while it is
   * not. `onEntry` is told of each entry once, when it is pushed or counted.
   */
  constructor(options: {
    user: number;
    /** The name of the session's device. */
    device: string;
    peer: Peer;
    log: LogStore;
    cursors: Cursors;
    mayServe: () => boolean;
    onEntry?: (message: LogMessage) => void;
    after: System["after"];
    onDefect: (error: unknown) => void;
  }) {
    this.#user = options.user;
    this.#device = options.device;
    this.#own = options.device === "" ? undefined : new OwnEntries();
    this.#toSelf = pairConv(options.user, options.user);
    this.#peer = options.peer;
    this.#log = options.log;
    this.#cursors = options.cursors;
    this.#history = options.cursors.history;
    this.#mayServe = options.mayServe;
    this.#onEntry = options.onEntry ?? (() => {});
    this.#after = options.after;
    this.#onDefect = options.onDefect;
  }

  /**
   * Takes over the cursors as the store has them. Entries offered since the inbox exists are not lost.
   * @param options `more`: others of the user's conversations follow. Entries of those are only noted until then.
   */
  load(conversations: readonly Progress[], { more = false }: { more?: boolean } = {}): void {
    for (const { conv, seq, delivered, read } of conversations) {
      if (this.#positions.has(conv)) continue;
      this.#positions.set(conv, { pushed: delivered, foreign: delivered, delivered, read });
      const newest = Math.max(seq, this.#unplaced.get(conv) ?? 0);
      this.#unplaced.delete(conv);
      if (newest > delivered) this.#fallBehind(conv, newest);
    }
    this.#isWhole = !more;
    const [from, to] = more ? [this.#behind, this.#unplaced] : [this.#unplaced, this.#behind];
    for (const [conv, seq] of from) {
      if (this.#positions.has(conv)) continue;
      from.delete(conv);
      to.set(conv, seq);
    }
    this.#wake();
  }

  /** Whether it is known here how far the client is in a conversation, or that the user was not in it at login. */
  knows(conv: string): boolean {
    return this.#isWhole || this.#positions.has(conv);
  }

  /** Begins to push. Until then entries are only noted. */
  start(): void {
    this.#started = true;
    this.#wake();
  }

  /** Ends all pushing; what is queued on the connection stays its business. */
  close(): void {
    this.#closed = true;
    this.#hurry?.();
    this.#behind.clear();
    this.#marked.clear();
    this.#unplaced.clear();
    this.#news.clear();
  }

  /** A conversation that the user has just entered: what comes after `seq` is theirs. */
  enter(conv: string, seq: number): void {
    if (!this.#positions.has(conv)) {
      this.#positions.set(conv, { pushed: seq, foreign: seq, delivered: seq, read: seq });
    }
  }

  /** Appends an entry that this session writes: it is not pushed back. */
  sends(message: Pick<NewMessage, "mid">, append: () => Promise<Appended>): Promise<Appended> {
    if (!this.#own) return append();
    const isPast = ({ conv, seq }: LogMessage) => seq <= (this.#positions.get(conv)?.pushed ?? 0);
    return this.#own.append(message, { append, isPast });
  }

  /** An entry that has been committed. May come late, twice, or out of order. */
  offer(push: Push): void {
    const { conv, seq } = push.message;
    if (this.#closed) return;
    if (!this.#started || !this.knows(conv)) return this.#fallBehind(conv, seq);
    const position = this.#position(conv);
    if (seq <= position.pushed) return;
    const next = seq === position.pushed + 1 && !this.#behind.has(conv);
    if (next && (this.#isCounted(push) || (this.#peer.writable && this.#mayServe()))) {
      this.#advance(position, push);
    } else {
      this.#fallBehind(conv, seq);
      this.#wake();
    }
  }

  /**
   * The log has entries of a conversation up to `seq` at least.
   * @param delivered Where the client is, in case that it is not known here yet.
   */
  notice(conv: string, seq: number, delivered = 0): void {
    if (this.#started && this.knows(conv) && seq <= this.#position(conv, delivered).pushed) return;
    this.#fallBehind(conv, seq);
    this.#wake();
  }

  /**
   * The client has, or has read, everything of a conversation up to `seq`. Whether that is news.
   * @throws {Refusal} errno 109 if the user is not in it, 100 if it has no such entry yet.
   */
  confirm(conv: string, { seq, kind }: { seq: number; kind: "delivered" | "read" }): boolean {
    const position = this.#positions.get(conv);
    if (!position) throw new Refusal(Errno.NOT_ALLOWED, `you are not in the conversation ${conv}`);
    if (seq > Math.max(position.pushed, this.#behind.get(conv) ?? 0)) {
      throw new Refusal(Errno.BAD_FRAME, `"seq" is beyond the newest message of ${conv}`);
    }
    const isNews = seq > (kind === "read" ? position.read : position.delivered);
    // What another device has read has not been delivered to this one by that.
    if (!isNews && seq <= position.delivered) return false;
    if (kind === "read") position.read = Math.max(position.read, seq);
    position.delivered = Math.max(position.delivered, seq);
    // A client that kept messages from an earlier connection may know more than was pushed on this one.
    position.pushed = Math.max(position.pushed, seq);
    this.#mark(conv, position);
    return isNews;
  }

  /** Another device of the user has read everything of a conversation up to `seq`. */
  readElsewhere(conv: string, seq: number): void {
    const position = this.#positions.get(conv);
    if (position) position.read = Math.max(position.read, seq);
  }

  /**
   * Tells the client something that is not in the log. While it does not read, only the newest under each `key` is
   * kept.
   */
  tell(key: string, reply: Reply): void {
    if (this.#started && this.#peer.writable && this.#news.size === 0 && this.#mayServe()) {
      this.#peer.reply(reply);
      return;
    }
    this.#news.delete(key);
    this.#news.set(key, reply);
    if (this.#news.size > NEWS.pieces) this.#news.delete(this.#news.keys().next().value!);
    this.#wake();
  }

  /**
   * Reads what is waiting, oldest first over all conversations, for a client that takes it in its login answer.
   * Takes what fits into `room`, as `sizeOf` counts; the rest is pushed once the inbox starts.
   */
  async takeWaiting(
    room: number,
    sizeOf = ({ body }: LogMessage): number => body.length,
  ): Promise<LogMessage[]> {
    const taken: LogMessage[] = [];
    let left = room;
    /** False if the page holds nothing further of the conversation for now. */
    const take = (position: Position, page: readonly LogMessage[]): boolean => {
      for (const message of page) {
        const isShown = !this.#isOwn(message) && messageFrame(message, this.#peer.generation) !== undefined;
        const size = isShown ? sizeOf(message) : 0;
        if (size > left) return false;
        position.pushed = message.seq;
        this.#onEntry(message);
        if (!isShown) continue;
        position.foreign = message.seq;
        left -= size;
        taken.push(message);
      }
      return page.length > 0;
    };
    for (const conv of [...this.#behind.keys()]) {
      if (left < LEAST_WAITING) break;
      const position = this.#position(conv);
      const limits = { limit: PAGE.limit, maxSize: Math.min(left, PAGE.maxSize) };
      while (take(position, await this.#log.read({ conv, after: position.pushed, ...limits })));
      this.#settle(conv, position);
    }
    return byAge(taken);
  }

  /** For clients that send no receipts: an entry was written, and the connection still stood a moment later. */
  written(message: LogMessage): void {
    const position = this.#position(message.conv);
    position.delivered = Math.max(position.delivered, message.seq);
    this.#mark(message.conv, position);
  }

  #position(conv: string, at = 0): Position {
    let position = this.#positions.get(conv);
    if (!position) {
      // Not there at login and not entered since: a pair's conversation that has begun just now, or what this session
      // was not told of.
      position = { pushed: at, foreign: at, delivered: at, read: at };
      this.#positions.set(conv, position);
    }
    return position;
  }

  #advance(position: Position, push: Push): void {
    const { message } = push;
    position.pushed = message.seq;
    this.#onEntry(message);
    if (this.#isCounted(push)) {
      this.#own?.pass(message);
      this.#mark(message.conv, position);
      return;
    }
    position.foreign = message.seq;
    if (this.#peer.generation === 1) this.#peer.push(push, () => this.written(message));
    else this.#peer.push(push);
  }

  /** With everything that was pushed confirmed, what follows without being pushed needs no confirmation. */
  #mark(conv: string, position: Position): void {
    if (this.#history !== this.#cursors.history) return;
    const delivered = position.delivered >= position.foreign ? position.pushed : position.delivered;
    this.#cursors.mark({ user: this.#user, device: this.#device, conv, delivered, read: position.read });
  }

  /** One's own entries, and those that clients of this generation have no word for, are not pushed. */
  #isCounted(push: Push): boolean {
    return this.#isOwn(push.message) || push.text(this.#peer.generation) === undefined;
  }

  /** Whether an entry is only counted. Notes to oneself come back, since there is nobody else to read them. */
  #isOwn(message: LogMessage): boolean {
    const { sender, conv } = message;
    return sender === this.#user && conv !== this.#toSelf && (this.#own?.has(message) ?? true);
  }

  #fallBehind(conv: string, seq: number): void {
    if (!this.knows(conv)) {
      this.#unplaced.set(conv, Math.max(seq, this.#unplaced.get(conv) ?? 0));
      return;
    }
    this.#behind.set(conv, Math.max(seq, this.#behind.get(conv) ?? 0));
    this.#marked.add(conv);
  }

  #settle(conv: string, position: Position): void {
    if (position.pushed >= (this.#behind.get(conv) ?? 0)) this.#behind.delete(conv);
  }

  #wake(): void {
    const nothing = this.#behind.size === 0 && this.#news.size === 0;
    if (this.#pumping || !this.#started || nothing || this.#closed) return;
    this.#pumping = true;
    this.#pump().catch(this.#onDefect);
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#closed && this.#behind.size + this.#news.size > 0) {
        // One whose connection has failed is about to be closed.
        if (!await this.#peer.drained()) return;
        if (!this.#mayServe()) {
          await this.#pause(UNSURE_PAUSE);
          continue;
        }
        this.#tellNews();
        const conv = this.#nextInTurn();
        if (conv !== undefined) await this.#catchUp(conv);
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await this.#pause(STORE_RETRY);
      queueMicrotask(() => this.#wake());
    } finally {
      // In the same turn as the look at what is waiting, so that no wake-up falls in between.
      this.#pumping = false;
    }
  }

  /** Waits, but not beyond the inbox's end. */
  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#after(ms, resolve);
    this.#hurry = resolve;
    await promise;
    cancel();
    this.#hurry = undefined;
  }

  #tellNews(): void {
    for (const [key, reply] of this.#news) {
      if (!this.#peer.writable) return;
      this.#news.delete(key);
      this.#peer.reply(reply);
    }
  }

  /** The conversation that has waited longest for its turn; its next turn comes after all the others. */
  #nextInTurn(): string | undefined {
    for (const [conv, seq] of this.#behind) {
      this.#behind.delete(conv);
      this.#behind.set(conv, seq);
      return conv;
    }
    return undefined;
  }

  async #catchUp(conv: string): Promise<void> {
    const position = this.#position(conv);
    this.#marked.delete(conv);
    const size = this.#behind.size > 1 || this.#peer.generation === 1 ? SMALL_PAGE : PAGE;
    const page = await this.#log.read({ conv, after: position.pushed, ...size });
    // The process may have been frozen for a while meanwhile.
    if (this.#closed || !this.#mayServe()) return;
    for (const message of page) {
      if (message.seq <= position.pushed) continue;
      const push = new Push(message);
      const isCounted = this.#isCounted(push);
      // A v1 client is written to one entry at a time: what has been read of the log need not be read again.
      if (this.#peer.generation === 1 && !isCounted) await this.#peer.drained();
      if (this.#closed || !this.#mayServe()) return;
      if (!isCounted && !this.#peer.writable) return;
      this.#advance(position, push);
    }
    if (page.length > 0) this.#settle(conv, position);
    // The log is the truth: what it does not have cannot be missing, unless it was announced while it was asked.
    else if (!this.#marked.has(conv)) this.#behind.delete(conv);
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
