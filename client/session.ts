import { Errno } from "../server/errors.ts";
import { pairConv, parseConv } from "../server/protocol/conversation.ts";
import { Msg } from "../server/protocol/msgid.ts";
import { Acknowledged } from "./acknowledged.ts";
import type { Clock } from "./clock.ts";
import { errorLine, markLine } from "./format.ts";
import type { FrameOf, ServerFrame } from "./frames.ts";
import { Inbox } from "./inbox.ts";
import type { Link } from "./link.ts";
import { Outbox, type Outgoing } from "./outbox.ts";
import type { Output } from "./output.ts";
import { Receipts } from "./receipts.ts";
import { Relogin } from "./relogin.ts";
import { Roster } from "./roster.ts";
import { sanitize } from "./sanitize.ts";
import { Sent } from "./sent.ts";

/** A longer frame than servers take by default is refused here: they would answer it by closing the connection. */
const MAX_BYTES = 60_000;
/** A message that is acknowledged sooner than this goes from typed to "sent" without a word in between. */
const SLOW = 1000;
const RETRY = 1000;
const LONGEST_RETRY = 60_000;

/** A message that is not acknowledged for so long, on a connection that stands, is sent again, in ms. */
const ACKNOWLEDGED_WITHIN = 15_000;

interface Letter extends Outgoing {
  /** It has been acknowledged before, and the person has been told. */
  readonly again?: boolean;
  /** `to 2`, `to group 4`, `friend request to 2`. */
  readonly whom: string;
  /** The text as it may be printed; undefined for what has none. */
  readonly what: string | undefined;
  /** Runs when the server has stored it. */
  readonly stored?: (() => void) | undefined;
}

/** What a message is besides its fields. */
export type LetterOptions = Pick<Letter, "target" | "whom" | "what" | "stored">;

export interface SessionParts {
  readonly output: Output;
  readonly link: Link;
  readonly clock: Clock;
  readonly random: () => number;
  /** A new id of a message, unique per sender. */
  readonly newMid: () => string;
  /** Logged in again after a broken connection. */
  readonly resumed: () => void;
  /** A message was not sent, and will not be. */
  readonly failed: () => void;
  /** The account is no longer logged in and will not be by itself; `reason` is a sentence. */
  readonly over: (reason: string) => void;
}

/**
 * One logged-in account, across connections: what it knows, what it has sent and what is still on its way. Nothing
 * here is lost with a connection: unacknowledged messages are sent again under the same id.
 */
export class Session {
  readonly id: number;
  readonly name: string;
  readonly roster = new Roster();
  readonly #parts: SessionParts;
  readonly #outbox = new Outbox<Letter>();
  readonly #acknowledged: Acknowledged<Letter>;
  readonly #sent = new Sent();
  readonly #receipts: Receipts;
  readonly #inbox: Inbox;
  readonly #relogin: Relogin;
  /** The name of the server's log; undefined from servers that give none. */
  #log: string | undefined;
  #ready = false;
  #ended = false;

  /** @param ack The LOGIN_ACK with errno 0 that began it. */
  constructor(ack: FrameOf<typeof Msg.LOGIN_ACK> & { id: number }, parts: SessionParts) {
    this.id = ack.id;
    this.name = ack.name ?? "";
    this.#parts = parts;
    const { output, clock } = parts;
    this.#acknowledged = new Acknowledged(() => clock.now());
    this.#receipts = new Receipts((frame) => this.#ready && parts.link.send(JSON.stringify(frame)), clock);
    this.#inbox = new Inbox(output, { receipts: this.#receipts, roster: this.roster, clock });
    this.#relogin = new Relogin(parts, {
      id: ack.id,
      accepted: (again) => this.#begin(again),
      over: parts.over,
    });
    this.roster.named(ack.id, this.name);
    this.#begin(ack);
  }

  /** Logged in on the present connection. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Messages not acknowledged yet. */
  get unsent(): number {
    return this.#outbox.size;
  }

  /** Whether messages from before the login are still coming. */
  get catchingUp(): boolean {
    return this.#ready && this.#inbox.catchingUp;
  }

  /** Writes a message; it stays here until the server has stored it or refused it for good. */
  send(fields: { msgid: Msg } & Record<string, unknown>, options: LetterOptions): void {
    const mid = this.#parts.newMid();
    const text = JSON.stringify({ ...fields, mid });
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > MAX_BYTES) {
      this.#parts.failed();
      return this.#parts.output.print(
        `message not sent ${options.whom}: ${bytes} bytes, at most ${MAX_BYTES}`,
      );
    }
    const letter = { ...options, mid, msgid: fields.msgid, text };
    this.#outbox.add(letter);
    const waiting = () => {
      if (this.#outbox.has(mid)) this.#parts.output.print(`sending… ${line(letter)}`);
    };
    if (this.#ready) this.#parts.clock.after(SLOW, waiting);
    else waiting();
    this.#pump();
  }

  /** A connection stands: log in on it. */
  up(): void {
    this.#relogin.start();
  }

  down(): void {
    this.#ready = false;
    this.#outbox.restart();
    this.#relogin.stop();
  }

  /** Sends what is known to have been read or delivered. */
  flush(): void {
    this.#receipts.flush();
  }

  /** Ends it and says which messages were never acknowledged. */
  end(): string[] {
    this.#ended = true;
    this.#ready = false;
    this.#relogin.stop();
    return this.#outbox.items().filter(({ again }) => !again).map((letter) => `not sent ${line(letter)}`);
  }

  /** A frame that is nobody else's. */
  handle(frame: ServerFrame): void {
    if (this.#relogin.take(frame)) return;
    switch (frame.msgid) {
      case Msg.CHAT:
      case Msg.GROUP_CHAT:
      case Msg.FRIEND_REQUEST:
      case Msg.FRIEND_RESPONSE:
        return this.#inbox.push(frame);
      case Msg.MESSAGE_ACK:
        return this.#stored(frame);
      case Msg.ERROR:
        return this.#refused(frame);
      case Msg.RECEIPT: {
        const marks = frame.id === this.id ? [] : this.#sent.receipt({ ...frame, reader: frame.id });
        for (const mark of marks) this.#parts.output.print(markLine(mark));
        return;
      }
      case Msg.PRESENCE:
        this.roster.named(frame.id, frame.name);
        this.roster.presence(frame.id, frame.state);
        return this.#parts.output.print(`${this.roster.who(frame.id)} is ${sanitize(frame.state)}`);
    }
  }

  #begin(ack: FrameOf<typeof Msg.LOGIN_ACK>): void {
    this.#ready = true;
    this.#relogin.token = ack.token ?? this.#relogin.token;
    this.roster.replace(ack);
    const isAnother = ack.log !== undefined && this.#log !== undefined && ack.log !== this.#log;
    this.#log = ack.log ?? this.#log;
    if (isAnother || this.#inbox.isAheadOf(ack.conversations)) this.#startAnew();
    this.#inbox.begin(ack.conversations);
    this.#receipts.restart();
    this.#parts.link.healthy();
    this.#parts.resumed();
    this.#pump();
  }

  /** The server's database has come back older than it was: numbers mean something else, and messages may be lost. */
  #startAnew(): void {
    this.#inbox.clear();
    this.#sent.clear();
    const again = this.#acknowledged.take().map((letter) => ({ ...letter, again: true }));
    this.#outbox.addFirst(again);
    this.#parts.output.print(
      "the server's database came back older than it was" +
        (again.length > 0 ? `: sending again what was stored last (${again.length})` : ""),
    );
  }

  #stored(ack: FrameOf<typeof Msg.MESSAGE_ACK>): void {
    // What one writes to oneself is pushed as well, and shown then: acknowledged here it would count as shown before.
    if (ack.conv !== pairConv(this.id, this.id)) this.#inbox.own(ack.conv, ack.seq);
    const letter = ack.mid === undefined ? undefined : this.#outbox.remove(ack.mid);
    if (letter === undefined) return;
    this.#acknowledged.add(letter);
    if (letter.again) return this.#pump();
    letter.stored?.();
    this.#parts.output.print(`sent ${line(letter, letter.what === undefined ? undefined : ack.seq)}`);
    if (letter.what !== undefined && parseConv(ack.conv) !== undefined) {
      for (const mark of this.#sent.stored(ack.conv, ack.seq)) this.#parts.output.print(markLine(mark));
    }
    this.#pump();
  }

  #refused(error: FrameOf<typeof Msg.ERROR>): void {
    if (error.ref === Msg.PING || error.ref === Msg.RECEIPT) return;
    const mid = error.mid ?? this.#culprit(error)?.mid;
    if (mid === undefined || !this.#outbox.has(mid)) return this.#parts.output.print(errorLine(error));
    if (isPassing(error.errno)) {
      const wait = Math.min(Math.max(error.retry_ms ?? RETRY, 0), LONGEST_RETRY);
      this.#outbox.postpone(mid, this.#parts.clock.now() + wait);
      this.#parts.clock.after(wait, () => this.#pump());
    } else if (error.errno === Errno.LOG_IN_FIRST) {
      this.#parts.link.drop("the server does not know this login any more");
    } else {
      const letter = this.#outbox.remove(mid);
      if (letter && !letter.again) {
        this.#parts.output.print(`${errorLine(error)} (not sent ${line(letter)})`);
        this.#parts.failed();
      }
      this.#pump();
    }
  }

  /**
   * Which message an error without `mid` is about: the oldest under way of that kind. One without `ref` either means
   * that the server could not follow the bytes; as they are always JSON, it can only have found a frame too long.
   */
  #culprit(error: FrameOf<typeof Msg.ERROR>): Letter | undefined {
    if (error.ref !== undefined) return this.#outbox.underWay(error.ref);
    return error.errno === Errno.BAD_FRAME || error.errno === Errno.TOO_LONG
      ? this.#outbox.underWay()
      : undefined;
  }

  #pump(): void {
    if (!this.#ready || this.#ended) return;
    for (const { mid, text } of this.#outbox.take(this.#parts.clock.now())) {
      this.#parts.link.send(text);
      this.#parts.clock.after(ACKNOWLEDGED_WITHIN, () => this.#sendAgain(mid));
    }
  }

  /** The answer may be lost on a connection that stands; if it is only late, the server finds the message by its mid. */
  #sendAgain(mid: string): void {
    if (!this.#outbox.isUnderWay(mid)) return;
    this.#outbox.postpone(mid, this.#parts.clock.now());
    this.#pump();
  }
}

/** Errors that say nothing against the message: it is kept and sent again. */
function isPassing(errno: number): boolean {
  return errno === Errno.TOO_FAST || errno === Errno.NOT_STORED || errno === Errno.STOPPING;
}

function line(letter: Letter, seq?: number): string {
  const place = seq === undefined ? "" : ` #${seq}`;
  return letter.what === undefined ? letter.whom : `${letter.whom}${place}: ${letter.what}`;
}
