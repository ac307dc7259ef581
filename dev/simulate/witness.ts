import { Errno } from "../../server/errors.ts";
import { pairConv } from "../../server/protocol/conversation.ts";
import { Msg } from "../../server/protocol/msgid.ts";
import { type Event, isPassing, type Of } from "../proof/history.ts";

/** Frames as they are on the wire, as far as they are looked at here. */
export type Frame = Record<string, unknown> & {
  msgid: number;
  mid?: string;
  conv?: string;
  seq?: number;
  msg?: string;
};
interface Progress {
  readonly conv: string;
  readonly seq: number;
  readonly delivered: number;
}

/** What was pushed and is not shown yet. */
interface Arrived {
  readonly log: string;
  readonly conv: string;
  readonly seq: number;
  readonly from: number;
  readonly mid: string | undefined;
  /** Whether the text is another one than was sent. */
  readonly isEdited: boolean;
}

/** The place of an entry. */
export interface Place {
  readonly conv: string;
  readonly seq: number;
}

/** What every text has in it, and nothing else on the screen. */
const TEXT = /~\d+\.\d+\.\d+~/;

/** So many places are remembered for what amends them. */
const REMEMBERED = 30;

interface Held {
  /** What the client did not have already when it logged in. Undefined for what it entered later. */
  readonly from: number | undefined;
  readonly seqs: Set<number>;
}

/** What one memory of the program holds: it forgets all when its user logs in by password again. */
interface Memory {
  readonly name: string;
  log: string;
  /** By conversation: how much the user had at login, and what came since. */
  readonly held: Map<string, Held>;
  /** Messages that were on the screen, by sender and mid. */
  readonly shown: Set<string>;
  /** Texts that its user wrote, and all that it knows, newest last: what can be amended. */
  own: Place[];
  known: Place[];
  /** Mids that it has sent. */
  readonly sent: Set<string>;
}

/**
 * Writes down what a program does and sees, as it sees it: what goes over its network, and what is on its screen. Knows
 * what the program holds.
 */
export class Witness {
  readonly #user: number;
  readonly #name: string;
  readonly #device: string;
  readonly #isShared: boolean;
  readonly #now: () => number;
  readonly #note: (event: Event) => void;
  #memory: Memory | undefined;
  #memories = 0;
  readonly #confirmed = new Map<string, number>();
  #session: string | undefined;
  #isLoggedIn = false;
  #sessions = 0;
  /** Texts that were typed and of which nobody knows yet what became of them, with their mids. */
  readonly #pending = new Map<string, string>();
  /** Steps of becoming friends, and events, by mid: what tells them apart. */
  readonly #steps = new Map<string, string>();
  /** The entries that are recalled, by the mid of the recall. */
  readonly #recalls = new Map<string, number>();
  /** Mids that are under way on the present connection. */
  readonly #underWay = new Set<string>();
  /** What was pushed and is not on the screen yet, by text. */
  readonly #arrived = new Map<string, Arrived>();

  constructor(
    { user, name, device, isShared, now, note }: {
      user: number;
      /** The program's. */
      name: string;
      /** Of the program; "" is the nameless one. */
      device: string;
      /** Whether the user has other programs on this device. */
      isShared: boolean;
      now: () => number;
      note: (event: Event) => void;
    },
  ) {
    this.#user = user;
    this.#name = name;
    this.#device = device;
    this.#isShared = isShared;
    this.#now = now;
    this.#note = note;
  }

  /** How far the present connection was told, without its refusing that, that conversations were read. */
  get confirmed(): ReadonlyMap<string, number> {
    return this.#confirmed;
  }

  /** Whether the present connection is logged in. */
  get isLoggedIn(): boolean {
    return this.#isLoggedIn;
  }

  /** How many of the texts that were typed are neither acknowledged nor refused. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The conversations that the program knows, and the name of their log; undefined if nobody is logged in. */
  get holds(): { readonly log: string; readonly convs: readonly string[] } | undefined {
    return this.#memory && { log: this.#memory.log, convs: [...this.#memory.held.keys()] };
  }

  /** Whether the program has shown, or knows otherwise, all of these numbers of a conversation. */
  hasAll(conv: string, seqs: readonly number[]): boolean {
    const held = this.#memory?.held.get(conv);
    return seqs.every((seq) => held !== undefined && (seq < (held.from ?? 1) || held.seqs.has(seq)));
  }

  /** Messages whose numbers the program knows: those of its user, or all. */
  places(whose: "own" | "known"): readonly Place[] {
    return this.#memory?.[whose] ?? [];
  }

  typed(text: string): void {
    this.#pending.set(text, "");
  }

  /** The program forgets its account, and gives up what was not acknowledged. */
  forget(): void {
    this.#pending.clear();
    this.#memory = undefined;
  }

  /** A line is on the screen. */
  shown(line: string): void {
    const text = TEXT.exec(line)?.[0];
    if (text === undefined || /^(sent|sending|not sent)| edited message #/.test(line)) return;
    const arrived = this.#arrived.get(text);
    if (!arrived || !this.#memory) return;
    const { isEdited, ...about } = arrived;
    this.#note({ type: "shown", ...this.#by(), ...about, ...!isEdited && { text } });
    this.#hold(arrived.conv, arrived.seq);
    this.#memory.shown.add(idOf(arrived));
  }

  closed(how: "cut" | "silent"): void {
    for (const mid of this.#underWay) this.#note({ type: "unknown", ...this.#by(), mid });
    this.#underWay.clear();
    this.#logged(how);
  }

  sent(frame: Frame): void {
    const { msgid, mid, conv, seq } = frame;
    if (msgid === Msg.LOGIN) {
      if (frame.token === undefined) this.#memory = undefined;
      this.#session = `${this.#name}.${++this.#sessions}`;
      this.#note({ type: "logging in", ...this.#by() });
    }
    if (!this.#memory) return;
    if (msgid === Msg.RECEIPT) {
      const upTo = frame.kind as "delivered" | "read";
      if (upTo === "read") this.#confirmed.set(conv!, seq!);
      this.#note({ type: "receipt", ...this.#by(), log: this.#memory.log, conv: conv!, seq: seq!, upTo });
    }
    if (mid === undefined) return;
    if (msgid === Msg.EVENT) {
      if (frame.kind === "recall") this.#recalls.set(mid, frame.ref as number);
      return void this.#steps.set(mid, eventText(mid));
    }
    const to = frame.groupid === undefined
      ? pairConv(this.#user, (frame.toid ?? frame.friendid) as number)
      : `g${frame.groupid}`;
    // Those who see a friend request are not told its mid: what it is stands in for it.
    if (frame.msg === undefined) return void this.#steps.set(mid, `${msgid} ${this.#user}`);
    this.#underWay.add(mid);
    this.#memory.sent.add(mid);
    this.#pending.set(frame.msg, mid);
    this.#note({ type: "invoke", ...this.#by(), log: this.#memory.log, conv: to, mid, text: frame.msg });
  }

  received(frame: Frame): void {
    const { msgid, mid, conv, seq } = frame;
    if (msgid === Msg.LOGIN_ACK && frame.errno === Errno.OK) return this.#loggedIn(frame);
    const isRefused = msgid === Msg.LOGIN_ACK || (msgid === Msg.ERROR && frame.ref === Msg.LOGIN);
    if (isRefused || msgid === Msg.LOGOUT_ACK) return this.#logged("logout");
    // Nobody knows which one; it is not repeated.
    if (msgid === Msg.ERROR && frame.ref === Msg.RECEIPT) this.#confirmed.clear();
    const memory = this.#memory;
    if (!memory) return;
    if (msgid === Msg.MESSAGE_ACK) {
      const entry = { ...this.#by(), log: memory.log, conv: conv!, seq: seq! };
      const step = this.#steps.get(mid!);
      if (step === undefined) this.#note({ type: "ok", ...entry, mid: mid! });
      else this.#note({ type: "read", ...entry, from: this.#user, text: step });
      const ref = this.#recalls.get(mid!);
      if (ref !== undefined) {
        this.#note({ type: "recalled", ...this.#by(), log: memory.log, conv: conv!, ref });
      }
      if (step === undefined) memory.own = [...memory.own, { conv: conv!, seq: seq! }].slice(-REMEMBERED);
      this.#hold(conv!, seq!);
      this.#settled(mid!);
    } else if (msgid === Msg.ERROR && mid !== undefined && !this.#steps.has(mid)) {
      const errno = frame.errno as number;
      this.#note({ type: "refused", ...this.#by(), mid, errno });
      if (!isPassing(errno)) this.#settled(mid);
      else this.#underWay.delete(mid);
    } else if (msgid === Msg.RECEIPT) {
      const upTo = frame.kind as "delivered" | "read";
      const of = frame.id as number;
      this.#note({ type: "receipt seen", ...this.#by(), log: memory.log, conv: conv!, seq: seq!, upTo, of });
    } else if (msgid === Msg.PRESENCE) {
      const state = frame.state as "online" | "offline";
      this.#note({ type: "presence", ...this.#by(), of: frame.id as number, state });
    } else if (msgid === Msg.EVENT) {
      this.#happened(frame, memory);
    } else if (seq !== undefined && (frame.msg !== undefined || frame.recalled === true)) {
      this.#pushed(frame, memory);
    }
  }

  /** Writes down what it holds of a conversation in the end, of which `read` is all that its user may read. */
  end(conv: string, { read, observer }: { read: readonly Of<"read">[]; observer: string }): void {
    const memory = this.#memory!;
    const held = memory.held.get(conv)!;
    const { seqs } = held;
    for (const event of read) this.#note(event);
    // Nobody has said anything since its user joined.
    if (read.length === 0 && seqs.size === 0) return;
    const first = read.at(0)?.seq ?? 1;
    const from = held.from ?? first;
    // What another program of this user wrote is not pushed to the nameless device.
    const own = this.#device !== ""
      ? []
      : read.filter((event) => event.from === this.#user && event.seq >= from && !seqs.has(event.seq));
    for (const event of own) this.#note({ ...event, client: memory.name });
    const common = { type: "end", t: this.#now(), user: this.#user, log: memory.log, conv } as const;
    const to = Math.max(from - 1, ...seqs, ...own.map(({ seq }) => seq));
    this.#note({ ...common, client: memory.name, from, to });
    this.#note({ ...common, client: observer, from: first, to: read.at(-1)?.seq ?? first - 1, all: true });
  }

  #by() {
    return {
      t: this.#now(),
      client: this.#memory?.name ?? this.#name,
      user: this.#user,
      ...(this.#session !== undefined && { session: this.#session }),
    };
  }

  #hold(conv: string, seq: number): void {
    const held = this.#memory!.held.get(conv) ?? { from: undefined, seqs: new Set() };
    held.seqs.add(seq);
    this.#memory!.held.set(conv, held);
  }

  #logged(how: "cut" | "silent" | "logout"): void {
    if (this.#session === undefined) return;
    this.#note({ type: "left", ...this.#by(), how });
    this.#session = undefined;
    this.#isLoggedIn = false;
    this.#confirmed.clear();
  }

  #pushed(frame: Frame, memory: Memory): void {
    const { msg, mid, conv, seq } = frame as Frame & { conv: string; seq: number };
    const from = (frame.id ?? frame.from) as number;
    const isEdited = frame.edited !== undefined;
    const arrived: Arrived = { log: memory.log, conv, seq, from, mid, isEdited };
    const isNote = conv === pairConv(this.#user, this.#user);
    if (from === this.#user && !isNote && mid !== undefined && memory.sent.has(mid)) {
      // It waited for the acknowledgement: that the entry is pushed says the same.
      if (memory.held.get(conv)?.seqs.has(seq)) return;
      this.#note({ type: "ok", ...this.#by(), log: memory.log, conv, seq, mid });
      this.#hold(conv, seq);
      return this.#settled(mid);
    }
    if (mid !== undefined) memory.known = [...memory.known, { conv, seq }].slice(-REMEMBERED);
    if (msg !== undefined && TEXT.test(msg) && !memory.shown.has(idOf(arrived))) {
      this.#arrived.set(msg, arrived);
    } else if (!memory.held.get(conv)?.seqs.has(seq)) {
      // Under another name of the log the same message has another number; its user has seen it. One that was recalled
      // is shown without its text, and so are a friend request and its answer.
      const what = mid === undefined
        ? { text: `${frame.msgid} ${from}` }
        : { mid, ...msg !== undefined && !isEdited && { text: msg } };
      this.#note({ type: "read", ...this.#by(), log: memory.log, conv, seq, from, ...what });
      this.#hold(conv, seq);
    }
  }

  /** An event has come. */
  #happened(frame: Frame, memory: Memory): void {
    const { mid, conv, seq, kind, ref } = frame as Frame & {
      mid: string;
      conv: string;
      seq: number;
      ref: number;
    };
    if (memory.held.get(conv)?.seqs.has(seq)) return;
    const by = { ...this.#by(), log: memory.log, conv };
    this.#note({ type: "read", ...by, seq, from: frame.id as number, text: eventText(mid) });
    if (kind === "recall") this.#note({ type: "recalled", ...by, ref });
    this.#hold(conv, seq);
  }

  #settled(mid: string): void {
    this.#underWay.delete(mid);
    for (const [text, its] of this.#pending) if (its === mid) this.#pending.delete(text);
  }

  #loggedIn(frame: Frame): void {
    const conversations = frame.conversations as Progress[];
    const log = frame.log as string;
    this.#memory ??= {
      name: `${this.#name}.${++this.#memories}`,
      log,
      held: new Map(),
      shown: new Set(),
      own: [],
      known: [],
      sent: new Set(),
    };
    const memory = this.#memory;
    if (memory.log !== log) {
      memory.held.clear();
      memory.own = [];
      memory.known = [];
    }
    memory.log = log;
    const delivered: Record<string, number> = {};
    for (const { conv, delivered: to } of conversations) {
      delivered[conv] = to;
      const held = memory.held.get(conv);
      // What another program of this user has got does not come once more.
      const from = this.#isShared ? Math.max(to + 1, held?.from ?? 1) : held?.from ?? to + 1;
      memory.held.set(conv, { from, seqs: held?.seqs ?? new Set() });
    }
    this.#note({ type: "login", ...this.#by(), device: this.#device, log, delivered });
    this.#isLoggedIn = true;
  }
}

const idOf = ({ from, mid }: Arrived) => `${from} ${mid}`;

/** What tells an event apart in a history, where mids are those of messages. */
export const eventText = (mid: string) => `${Msg.EVENT} ${mid}`;
