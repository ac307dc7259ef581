import { Errno } from "../server/errors.ts";
import { pairConv, parseConv } from "../server/protocol/conversation.ts";
import { Msg } from "../server/protocol/msgid.ts";
import { Acknowledged } from "./acknowledged.ts";
import type { Clock } from "./clock.ts";
import type { AppOptions } from "./events.ts";
import { errorLine, markLine } from "./format.ts";
import type { FrameOf, Push, ServerFrame } from "./frames.ts";
import { Latest } from "./latest.ts";
import type { Link } from "./link.ts";
import type { Output } from "./output.ts";
import { Received } from "./received.ts";
import { Receipts } from "./receipts.ts";
import { NO_DATABASE, Relogin } from "./relogin.ts";
import { Roster } from "./roster.ts";
import { sanitize } from "./sanitize.ts";
import { Sent } from "./sent.ts";
import { type Outgoing, Unacknowledged } from "./unacknowledged.ts";

/** A longer frame than servers take by default is refused here: they would answer it by closing the connection. */
const MAX_BYTES = 60_000;
/** A message that is acknowledged sooner than this goes from typed to "sent" without a word in between. */
const SLOW = 1000;
const RETRY = 1000;
const LONGEST_RETRY = 60_000;
/** A server that stores nothing for so long may have lost its database, and another one may have not, in ms. */
const NOTHING_STORED = 10_000;

interface Letter extends Outgoing {
  /** `to 2`, `to group 4`, `friend request to 2`. */
  readonly whom: string;
  /** The text as it may be printed; undefined for what has none. */
  readonly what: string | undefined;
  /** Runs when the server has stored it. */
  readonly stored?: (() => void) | undefined;
  /** It was acknowledged before, and the person has been told so. */
  readonly again?: true;
  /**
   * The fields name another entry by its number, which means another one when the server's database has come back older:
   * what is sent then instead, or nothing.
   */
  readonly numbered?: { readonly instead?: Fields } | undefined;
}

/** What a message is besides its fields. */
export type LetterOptions = Pick<Letter, "target" | "whom" | "what" | "stored" | "numbered">;

type Fields = { readonly msgid: Msg } & Record<string, unknown>;

export interface AccountParts {
  readonly output: Output;
  readonly link: Link;
  readonly clock: Clock;
  readonly random: () => number;
  readonly device?: AppOptions["device"];
  /** A new id of a message, unique per sender. */
  readonly newMid: () => string;
  /** Logged in again after a broken connection. */
  readonly resumed: () => void;
  /** Something was refused. */
  readonly failed: () => void;
  /** The account is no longer logged in and will not be by itself; `reason` is a sentence. */
  readonly over: (reason: string) => void;
}

/**
 * One logged-in account, across connections: what it knows, what it has sent and what is still on its way. Nothing
 * here is lost with a connection: unacknowledged messages are sent again under the same id.
 */
export class Account {
  readonly id: number;
  readonly name: string;
  readonly roster = new Roster();
  readonly latest = new Latest();
  readonly #parts: AccountParts;
  readonly #unacknowledged = new Unacknowledged<Letter>();
  readonly #acknowledged: Acknowledged<Letter>;
  readonly #receipts: Receipts;
  readonly #received: Received;
  readonly #relogin: Relogin;
  #sent = new Sent();
  /** The name of the message log; undefined if the server has none. */
  #log: string | undefined;
  #ready = false;
  #ended = false;
  #cancelPump = () => {};
  /** Since when messages are refused as "not stored" and none is acknowledged. */
  #nothingStoredSince: number | undefined;

  /** @param ack The LOGIN_ACK with errno 0 that began it. */
  constructor(ack: FrameOf<typeof Msg.LOGIN_ACK> & { id: number }, parts: AccountParts) {
    this.id = ack.id;
    this.name = ack.name ?? "";
    this.#parts = parts;
    const { output, clock } = parts;
    this.#acknowledged = new Acknowledged(() => clock.now());
    this.#receipts = new Receipts((frame) => this.#ready && parts.link.send(JSON.stringify(frame)), clock);
    this.#received = new Received(output, {
      id: ack.id,
      receipts: this.#receipts,
      roster: this.roster,
      clock,
      otherHistory: () => {
        this.#startOver();
        this.#pump();
      },
    });
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

  /** The conversation with somebody. */
  convWith(user: number): string {
    return pairConv(this.id, user);
  }

  /** Messages not acknowledged yet. */
  get unsent(): number {
    return this.#unacknowledged.size;
  }

  /** Whether messages from before the login are still coming. */
  get catchingUp(): boolean {
    return this.#ready && this.#received.catchingUp;
  }

  /** Sends the receipts that still gather. */
  flush(): void {
    this.#receipts.flush();
  }

  /** Writes a message; it stays here until the server has stored it or refused it for good. */
  send(fields: Fields, options: LetterOptions): void {
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
    this.#unacknowledged.add(letter);
    const waiting = () => {
      if (this.#unacknowledged.has(mid)) this.#parts.output.print(`sending… ${line(letter)}`);
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
    this.#nothingStoredSince = undefined;
    this.#cancelPump();
    this.#unacknowledged.restart();
    this.#relogin.stop();
  }

  /** Ends it and says which messages were never acknowledged. */
  end(): string[] {
    this.#ended = true;
    this.#ready = false;
    this.#cancelPump();
    this.#relogin.stop();
    return this.#unacknowledged.items().map((letter) => `not sent ${line(letter)}`);
  }

  /** A frame that is nobody else's. */
  handle(frame: ServerFrame): void {
    if (this.#relogin.take(frame)) return;
    switch (frame.msgid) {
      case Msg.CHAT:
      case Msg.GROUP_CHAT:
      case Msg.FRIEND_REQUEST:
      case Msg.FRIEND_RESPONSE:
      case Msg.EVENT:
        this.#note(frame);
        return this.#pushed(frame);
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
    const isOtherLog = this.#log !== undefined && ack.log !== undefined && ack.log !== this.#log;
    this.#log = ack.log ?? this.#log;
    if (isOtherLog || this.#received.isAheadOf(ack.conversations)) this.#startOver();
    this.roster.replace(ack);
    this.#received.begin(ack.conversations);
    this.#receipts.restart();
    this.#parts.link.healthy();
    this.#parts.resumed();
    this.#pump();
  }

  /** What commands may be about later. */
  #note(push: Push): void {
    const { conv, seq } = push;
    if (push.msgid === Msg.FRIEND_REQUEST) {
      if (push.from !== this.id) this.roster.asked(push.from);
    } else if (push.msgid === Msg.FRIEND_RESPONSE) {
      // One's own, from another device, answers the other one.
      this.roster.answered(push.from === this.id ? push.toid ?? push.from : push.from);
    } else if (push.msgid !== Msg.EVENT && conv !== undefined && seq !== undefined) {
      this.latest.note(conv, seq, push.id === this.id ? "own" : "others");
    }
  }

  /** The server's database is an older one: numbers mean other entries, and what was acknowledged last may be lost. */
  #startOver(): void {
    this.#received.forgetNumbers();
    this.latest.forget();
    this.#receipts.forget();
    this.#sent = new Sent();
    const lost = this.#acknowledged.take().flatMap((letter) => withoutNumbers(letter) ?? []);
    for (const letter of this.#unacknowledged.items()) this.#renumber(letter);
    this.#unacknowledged.putBack(lost.map((letter) => ({ ...letter, again: true })));
    const resent = `; sending ${lost.length} message${lost.length === 1 ? "" : "s"} again`;
    this.#parts.output.print(`the server's database came back older${lost.length > 0 ? resent : ""}`);
  }

  #pushed(push: Push): void {
    const { conv, seq } = push;
    // Notes to oneself are always pushed.
    const isOwn = "mid" in push && push.id === this.id && conv !== pairConv(this.id, this.id);
    const mid = isOwn ? push.mid : undefined;
    // Its acknowledgement was lost with an earlier connection of this device.
    if (mid !== undefined && conv !== undefined && seq !== undefined && this.#unacknowledged.has(mid)) {
      this.#stored({ msgid: Msg.MESSAGE_ACK, mid, conv, seq, at: push.at });
    }
    this.#received.push(push);
  }

  /** A message that waits, and names another one by a number that means nothing any more. */
  #renumber(letter: Letter): void {
    if (!letter.numbered) return;
    const now = withoutNumbers(letter);
    if (now) return this.#unacknowledged.replace(now);
    this.#unacknowledged.remove(letter.mid);
    this.#parts.failed();
    this.#parts.output.print(`not sent ${line(letter)}: numbers mean other messages now`);
  }

  #stored(ack: FrameOf<typeof Msg.MESSAGE_ACK>): void {
    this.#nothingStoredSince = undefined;
    const letter = ack.mid === undefined ? undefined : this.#unacknowledged.remove(ack.mid);
    // What one writes to oneself is pushed as well, and shown then: acknowledged here it would count as shown before.
    if (ack.conv !== pairConv(this.id, this.id)) {
      if (letter) this.#received.compare({ ...ack, id: this.id, msgid: letter.msgid });
      this.#received.own(ack.conv, ack.seq);
    }
    if (letter === undefined) return;
    this.#acknowledged.add(letter);
    if (!letter.again) this.#tellStored(letter, ack);
    this.#pump();
  }

  #tellStored(letter: Letter, { conv, seq }: { conv: string; seq: number }): void {
    letter.stored?.();
    this.#parts.output.print(`sent ${line(letter, letter.what === undefined ? undefined : seq)}`);
    if (letter.what === undefined || parseConv(conv) === undefined) return;
    this.latest.note(conv, seq, "own");
    for (const mark of this.#sent.stored(conv, seq)) this.#parts.output.print(markLine(mark));
  }

  #refused(error: FrameOf<typeof Msg.ERROR>): void {
    if (error.ref === Msg.PING || error.ref === Msg.RECEIPT) return;
    // A message that was sent twice is answered twice; the first answer counted.
    if (error.mid !== undefined && !this.#unacknowledged.has(error.mid)) return;
    const mid = error.mid ?? this.#culprit(error)?.mid;
    if (mid === undefined) {
      this.#parts.failed();
      this.#parts.output.print(errorLine(error));
    } else if (isPassing(error.errno)) {
      const wait = Math.min(Math.max(error.retry_ms ?? RETRY, 0), LONGEST_RETRY);
      this.#unacknowledged.postpone(mid, this.#parts.clock.now() + wait);
      if (error.errno === Errno.NOT_STORED && this.#storesNothing()) {
        return this.#parts.link.drop(NO_DATABASE);
      }
      this.#pump();
    } else if (error.errno === Errno.LOG_IN_FIRST) {
      this.#parts.link.drop("the server does not know this login any more");
    } else {
      this.#nothingStoredSince = undefined;
      const letter = this.#unacknowledged.remove(mid);
      this.#parts.failed();
      if (letter) this.#parts.output.print(`${errorLine(error)} (not sent ${line(letter)})`);
      this.#pump();
    }
  }

  /** Whether messages have been refused for too long to stay on this connection. */
  #storesNothing(): boolean {
    const now = this.#parts.clock.now();
    this.#nothingStoredSince ??= now;
    return now - this.#nothingStoredSince > NOTHING_STORED;
  }

  /**
   * Which message an error without `mid` is about: the oldest under way of that kind. One without `ref` either means
   * that the server could not follow the bytes; as they are always JSON, it can only have found a frame too long.
   */
  #culprit(error: FrameOf<typeof Msg.ERROR>): Letter | undefined {
    if (error.ref !== undefined) return this.#unacknowledged.underWay(error.ref);
    return error.errno === Errno.BAD_FRAME || error.errno === Errno.TOO_LONG
      ? this.#unacknowledged.underWay()
      : undefined;
  }

  /** Sends what is due, now and when the next message falls due. */
  #pump(): void {
    this.#cancelPump();
    if (!this.#ready || this.#ended) return;
    const now = this.#parts.clock.now();
    for (const letter of this.#unacknowledged.take(now)) this.#parts.link.send(letter.text);
    const due = this.#unacknowledged.due();
    if (due !== undefined) this.#cancelPump = this.#parts.clock.after(due - now, () => this.#pump());
  }
}

/** The letter as it may be sent where numbers mean other entries; undefined if it then says nothing. */
function withoutNumbers(letter: Letter): Letter | undefined {
  const { numbered, ...rest } = letter;
  if (!numbered) return letter;
  return numbered.instead && { ...rest, text: JSON.stringify({ ...numbered.instead, mid: letter.mid }) };
}

/** Errors that say nothing against the message: it is kept and sent again. */
function isPassing(errno: number): boolean {
  return errno === Errno.TOO_FAST || errno === Errno.NOT_STORED || errno === Errno.STOPPING;
}

function line(letter: Letter, seq?: number): string {
  const place = seq === undefined ? "" : ` #${seq}`;
  return letter.what === undefined ? letter.whom : `${letter.whom}${place}: ${letter.what}`;
}
