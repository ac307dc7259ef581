import { Msg } from "../server/protocol/msgid.ts";
import type { Clock } from "./clock.ts";
import { pushLine } from "./format.ts";
import type { Progress, Push } from "./frames.ts";
import { Identities, type Named } from "./identities.ts";
import type { Receipts } from "./receipts.ts";
import type { Roster } from "./roster.ts";
import { Seen } from "./seen.ts";
import type { Output } from "./output.ts";
import { Shown } from "./shown.ts";

/** When nothing more has come for this long, what was missed is taken as complete. */
const QUIET = 500;

/** Messages that come in. Each is shown once, acknowledged when it has arrived and again when it is on screen. */
export class Received {
  readonly #id: number;
  readonly #output: Output;
  readonly #receipts: Receipts;
  readonly #roster: Roster;
  readonly #clock: Clock;
  readonly #otherHistory: () => void;
  readonly #shown = new Shown();
  readonly #identities = new Identities();
  #seen = new Seen();
  /** Where each conversation ended at login, while what was missed is still coming. */
  readonly #behind = new Map<string, number>();
  #missed = 0;
  #cancelQuiet = () => {};

  /**
   * @param parts `id` is the account's. `otherHistory` is called when a number turns out to be another entry's than before; it calls
   * {@linkcode Received.forgetNumbers}.
   */
  constructor(
    output: Output,
    parts: { id: number; receipts: Receipts; roster: Roster; clock: Clock; otherHistory: () => void },
  ) {
    this.#id = parts.id;
    this.#output = output;
    this.#receipts = parts.receipts;
    this.#roster = parts.roster;
    this.#clock = parts.clock;
    this.#otherHistory = parts.otherHistory;
  }

  /** Whether messages from before the login are still coming. */
  get catchingUp(): boolean {
    return this.#behind.size > 0;
  }

  /** Whether the server has less of a conversation than this client has seen of it: its database is an older one. */
  isAheadOf(conversations: readonly Progress[]): boolean {
    return conversations.some(({ conv, seq }) => seq < this.#seen.highest(conv));
  }

  /** The numbers of the conversations mean other entries now. */
  forgetNumbers(): void {
    this.#seen = new Seen();
    this.#identities.forget();
  }

  /** What LOGIN_ACK says about how far each conversation is. */
  begin(conversations: readonly Progress[]): void {
    this.#behind.clear();
    this.#missed = 0;
    for (const { conv, seq, delivered } of conversations) {
      this.#seen.upTo(conv, delivered);
      if (seq > this.#seen.top(conv)) this.#behind.set(conv, seq);
    }
    this.#cancelQuiet();
    if (this.catchingUp) this.#waitForQuiet();
  }

  /** An own message to others was stored: the server will not push that number. */
  own(conv: string, seq: number): void {
    this.#seen.add(conv, seq);
  }

  /** Notes which entry has this number. If it was another one before, everything starts over. */
  compare(entry: Named): void {
    if (this.#identities.agrees(entry)) return;
    this.#otherHistory();
    this.#identities.agrees(entry);
  }

  /** Shows a message, unless it was shown before. */
  push(push: Push): void {
    const { conv, seq } = push;
    this.compare(push);
    const isNext = conv === undefined || seq === undefined || this.#seen.add(conv, seq);
    const isNew = isNext && this.#shown.add(push);
    if (conv !== undefined && seq !== undefined) {
      if (isNew) this.#receipts.note(conv, { seq, kind: "delivered" });
      // It comes again because the server does not know that it was shown.
      else this.#receipts.note(conv, { seq, kind: "read" });
      this.#count(conv, { seq, isNew });
    }
    if (!isNew) return;
    this.#learn(push);
    const read = () => {
      if (conv !== undefined && seq !== undefined) this.#receipts.note(conv, { seq, kind: "read" });
    };
    const line = pushLine(push, { now: this.#clock.now(), own: this.#id });
    if (line === undefined) read();
    else this.#output.print(line, read);
    if (this.#missed > 0 && !this.catchingUp) this.#tellMissed();
  }

  #learn(push: Push): void {
    if (push.msgid === Msg.EVENT && push.kind === "unfriend") this.#roster.unfriend(push.id);
    if (push.msgid === Msg.CHAT || push.msgid === Msg.GROUP_CHAT || push.msgid === Msg.EVENT) {
      return this.#roster.named(push.id, push.name);
    }
    if (push.from === this.#id) {
      // From another device.
      const { toid } = push;
      if (push.msgid === Msg.FRIEND_RESPONSE && push.flag && toid !== undefined) {
        this.#roster.befriend({ id: toid });
      }
      return;
    }
    if (push.name !== undefined) this.#roster.named(push.from, push.name);
    if (push.msgid === Msg.FRIEND_RESPONSE && push.flag) {
      // Who answers just now is there.
      const state = this.catchingUp ? {} : { state: "online" };
      this.#roster.befriend({ id: push.from, name: push.name, ...state });
    }
  }

  #count(conv: string, push: { seq: number; isNew: boolean }): void {
    const end = this.#behind.get(conv);
    if (end === undefined) return;
    if (push.isNew && push.seq <= end) this.#missed++;
    if (push.seq >= end) this.#behind.delete(conv);
    this.#cancelQuiet();
    if (this.catchingUp) this.#waitForQuiet();
  }

  /** The last number of a conversation may be an own message, which is never pushed: silence ends the wait, too. */
  #waitForQuiet(): void {
    this.#cancelQuiet = this.#clock.after(QUIET, () => {
      this.#behind.clear();
      if (this.#missed > 0) this.#tellMissed();
    });
  }

  #tellMissed(): void {
    this.#output.print(`missed messages: ${this.#missed}`);
    this.#missed = 0;
  }
}
