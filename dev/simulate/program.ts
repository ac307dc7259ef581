import { App } from "../../client/app.ts";
import type { Dial, Wire, WireEvents } from "../../client/link.ts";
import { Errno } from "../../server/errors.ts";
import { pairConv } from "../../server/protocol/conversation.ts";
import { Msg } from "../../server/protocol/msgid.ts";
import type { Event } from "../proof/history.ts";
import { isPassing } from "../proof/history.ts";
import { Machine, type World } from "./world.ts";

/** Frames as they are on the wire, as far as they are looked at here. */
type Frame = Record<string, unknown> & {
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
}

/** How long a person takes to answer a question, in ms. */
const TYPING = 50;
const RETRY = 1000;
/** What a person answers to which question; "" is their id. */
const ANSWERS = [["choice", "1"], ["id or name", ""], ["password", "secret"], ["already", "y"]] as const;
/** What every text has in it, and nothing else on the screen. */
const TEXT = /~\d+\.\d+\.\d+~/;
const HISTORY_PAGE = 50;

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
  /** Texts that were on the screen. */
  readonly shown: Set<string>;
}

/**
 * A person at a terminal client: the real client on a simulated machine, its keyboard, screen and network in the hands of
 * the simulation. What goes over its network and what it shows is written to the history.
 */
export class Program {
  readonly user: number;
  /** What it runs on; a program that is started again has another one. */
  machine: Machine;
  readonly #world: World;
  readonly #index: number;
  readonly #isShared: boolean;
  readonly #dial: (machine: Machine, events: WireEvents) => Promise<Wire>;
  readonly #note: (event: Event) => void;
  #app: App | undefined;
  #memory: Memory | undefined;
  #memories = 0;
  #wire: Wire | undefined;
  #isIn = false;
  #session: string | undefined;
  #sessions = 0;
  #mids = 0;
  #texts = 0;
  /** What the program asks, until it is answered. */
  #question = "";
  #prompts = 0;
  /** Whether its user wants to be logged in. */
  #wanted = false;
  /** Texts that were typed and of which nobody knows yet what became of them, with their mids. */
  readonly #pending = new Map<string, string>();
  /** Steps of becoming friends, by mid. */
  readonly #steps = new Map<string, string>();
  /** Mids that are under way on the present connection. */
  readonly #underWay = new Set<string>();
  readonly #arrived = new Map<string, Arrived>();
  #asked: ((frame: Frame) => void) | undefined;

  constructor(
    world: World,
    { user, index, isShared, dial, note }: {
      user: number;
      /** Whether the user has other programs. */
      isShared: boolean;
      /** Of several programs of one user which one. */
      index: number;
      dial: (machine: Machine, events: WireEvents) => Promise<Wire>;
      note: (event: Event) => void;
    },
  ) {
    this.user = user;
    this.#world = world;
    this.#index = index;
    this.#isShared = isShared;
    this.#dial = dial;
    this.#note = note;
    this.machine = this.#newMachine();
  }

  /** Whether it is logged in, as far as it knows. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** Whether everything that was typed has been acknowledged or refused. */
  get isDone(): boolean {
    return this.#pending.size === 0;
  }

  /** Whether it has shown, or knows otherwise, all of these numbers of a conversation. */
  hasAll(conv: string, seqs: readonly number[]): boolean {
    const held = this.#memory?.held.get(conv);
    return seqs.every((seq) => held !== undefined && (seq < (held.from ?? 1) || held.seqs.has(seq)));
  }

  /** Its user begins to want to be logged in. */
  begin(): void {
    this.#wanted = true;
    if (this.#app) this.#answer();
    else void this.#start();
  }

  /** Its user logs out. */
  logOut(): void {
    this.#wanted = false;
    if (this.#isIn) this.#type("loginout");
  }

  chat(to: number): void {
    this.#say(`chat:${to}:`);
  }

  groupChat(group: number): void {
    this.#say(`groupchat:${group}:`);
  }

  joinGroup(group: number): void {
    if (this.#isIn) this.#type(`addgroup:${group}`);
  }

  befriend(other: number): void {
    if (this.#isIn) this.#type(`addfriend:${other}`, `ackaddfriend:${other}:true`);
  }

  /** Ends the program, with all that it remembers, and starts it again after a while. */
  restart(): void {
    this.#lose("its program was ended");
    this.#app = undefined;
    this.#memory = undefined;
    this.#wire?.close();
    this.#closed("cut");
    this.machine.crash();
    this.machine = this.#newMachine();
    if (this.#wanted) this.machine.after(TYPING, () => void this.#start());
  }

  /** Notes what it holds at the end. */
  async end(member: (conv: string) => boolean): Promise<void> {
    const memory = this.#memory;
    if (!memory || !this.#isIn) return;
    for (const [conv, held] of memory.held) {
      if (!member(conv)) continue;
      const { seqs } = held;
      const observer = `${this.user}.${this.#index}.history`;
      const read = await this.#history(conv, observer);
      // Nobody has said anything since its user joined.
      if (read.length === 0 && seqs.size === 0) continue;
      const first = read.at(0)?.seq ?? 1;
      const from = held.from ?? first;
      // What another program of this user wrote is not pushed to them.
      const own = read.filter((event) =>
        event.from === this.user && event.seq >= from && !seqs.has(event.seq)
      );
      for (const event of own) this.#note({ ...event, client: memory.name });
      const common = { type: "end", t: this.#world.now, user: this.user, log: memory.log, conv } as const;
      const to = Math.max(from - 1, ...seqs, ...own.map(({ seq }) => seq));
      this.#note({ ...common, client: memory.name, from, to });
      this.#note({ ...common, client: observer, from: first, to: read.at(-1)?.seq ?? first - 1, all: true });
    }
  }

  async #start(): Promise<void> {
    const app: App = new App({
      print: (line, shown) => {
        if (app !== this.#app) return;
        this.machine.tell(`screen: ${line}`);
        this.#printed(line);
        if (shown) this.machine.after(1, shown);
      },
      prompt: (text) => {
        if (app === this.#app) this.#prompted(text);
      },
    }, {
      servers: [{ name: "cluster", dial: (events) => this.#connect(events) }],
      clock: { now: this.machine.system.now, after: this.machine.after },
      random: this.machine.system.random,
      newMid: () => `${this.#index}-${++this.#mids}`,
      interactive: true,
      exit: () => {},
    });
    this.#app = app;
    try {
      await app.start();
    } catch (error) {
      this.machine.tell(error instanceof Error ? error.message : String(error));
      if (app !== this.#app) return;
      this.#app = undefined;
      this.machine.after(RETRY, () => {
        if (this.#wanted && !this.#app) void this.#start();
      });
    }
  }

  #newMachine(): Machine {
    return new Machine(this.#world, `user ${this.user}.${this.#index}`);
  }

  #say(command: string): void {
    if (!this.#isIn) return;
    const text = `~${this.user}.${this.#index}.${++this.#texts}~`;
    this.#pending.set(text, "");
    this.#type(command + text);
  }

  #type(...lines: string[]): void {
    for (const text of lines) this.#app?.post({ type: "line", text, taken: () => {} });
  }

  #prompted(text: string): void {
    this.#isIn = text === ">";
    if (text.startsWith("choice") && this.#memory) this.#left();
    this.#question = text;
    this.#prompts++;
    this.#answer();
  }

  /** Answers what the program asks, if it is about logging in. */
  #answer(): void {
    const question = this.#question;
    const answer = this.#wanted ? ANSWERS.find(([begin]) => question.startsWith(begin))?.[1] : undefined;
    if (answer === undefined) return;
    this.#question = "";
    const prompts = this.#prompts;
    const wait = question.startsWith("choice") ? RETRY : TYPING;
    this.machine.after(wait, () => {
      if (prompts === this.#prompts) this.#type(answer === "" ? `${this.user}` : answer);
    });
  }

  /** Nobody is logged in any more: what the account knew is forgotten. */
  #left(): void {
    this.#lose("logged out");
    this.#memory = undefined;
  }

  #lose(why: string): void {
    if (this.#pending.size > 0) this.machine.tell(`${why}: ${this.#pending.size} messages are given up`);
    this.#pending.clear();
    this.#isIn = false;
  }

  #printed(line: string): void {
    const text = TEXT.exec(line)?.[0];
    if (text === undefined || /^(sent|sending|not sent)/.test(line)) return;
    const arrived = this.#arrived.get(text);
    if (!arrived || !this.#memory) return;
    this.#note({ type: "shown", ...this.#by(), ...arrived, text });
    this.#hold(arrived.conv, arrived.seq);
    this.#memory.shown.add(text);
  }

  #by() {
    return {
      t: this.#world.now,
      client: this.#memory?.name ?? `${this.user}.${this.#index}`,
      user: this.user,
      ...(this.#session !== undefined && { session: this.#session }),
    };
  }

  #hold(conv: string, seq: number): void {
    const held = this.#memory!.held.get(conv) ?? { from: undefined, seqs: new Set() };
    held.seqs.add(seq);
    this.#memory!.held.set(conv, held);
  }

  #connect: Dial = async (events) => {
    const wire = await this.#dial(this.machine, {
      frame: (text) => {
        this.#received(JSON.parse(text));
        events.frame(text);
      },
      closed: (cause) => {
        if (wire === this.#wire) this.#closed("cut");
        events.closed(cause);
      },
    });
    const spy: Wire = {
      send: (line) => {
        this.#sent(JSON.parse(line));
        wire.send(line);
      },
      close: () => {
        if (wire === this.#wire) this.#closed("silent");
        wire.close();
      },
    };
    this.#wire = wire;
    return spy;
  };

  #closed(how: "cut" | "silent"): void {
    this.#wire = undefined;
    for (const mid of this.#underWay) this.#note({ type: "unknown", ...this.#by(), mid });
    this.#underWay.clear();
    this.#logged(how);
  }

  #logged(how: "cut" | "silent" | "logout"): void {
    if (this.#session === undefined) return;
    this.#note({ type: "left", ...this.#by(), how });
    this.#session = undefined;
  }

  #sent(frame: Frame): void {
    const { msgid, mid, conv, seq } = frame;
    this.machine.tell(`→ ${JSON.stringify(frame)}`);
    if (msgid === Msg.LOGIN) {
      if (frame.token === undefined) this.#memory = undefined;
      this.#session = `${this.user}.${this.#index}.${++this.#sessions}`;
      this.#note({ type: "logging in", ...this.#by() });
    }
    if (!this.#memory) return;
    if (msgid === Msg.RECEIPT) {
      const upTo = frame.kind as "delivered" | "read";
      this.#note({ type: "receipt", ...this.#by(), log: this.#memory.log, conv: conv!, seq: seq!, upTo });
    }
    if (mid === undefined) return;
    const to = frame.groupid === undefined
      ? pairConv(this.user, (frame.toid ?? frame.friendid) as number)
      : `g${frame.groupid}`;
    // Those who see a friend request are not told its mid: what it is stands in for it.
    if (frame.msg === undefined) return void this.#steps.set(mid, `${msgid} ${this.user}`);
    this.#underWay.add(mid);
    this.#pending.set(frame.msg, mid);
    this.#note({ type: "invoke", ...this.#by(), log: this.#memory.log, conv: to, mid, text: frame.msg });
  }

  #received(frame: Frame): void {
    const { msgid, mid, conv, seq } = frame;
    this.machine.tell(`← ${JSON.stringify(frame)}`);
    if (msgid === Msg.HISTORY_ACK && this.#asked) return this.#asked(frame);
    if (msgid === Msg.LOGIN_ACK && frame.errno === Errno.OK) return this.#loggedIn(frame);
    const isRefused = msgid === Msg.LOGIN_ACK || (msgid === Msg.ERROR && frame.ref === Msg.LOGIN);
    if (isRefused || msgid === Msg.LOGOUT_ACK) return this.#logged("logout");
    const memory = this.#memory;
    if (!memory) return;
    if (msgid === Msg.MESSAGE_ACK) {
      const entry = { ...this.#by(), log: memory.log, conv: conv!, seq: seq! };
      const step = this.#steps.get(mid!);
      if (step === undefined) this.#note({ type: "ok", ...entry, mid: mid! });
      else this.#note({ type: "read", ...entry, from: this.user, text: step });
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
    } else if (seq !== undefined && frame.msg !== undefined) {
      this.#pushed(frame, memory);
    }
  }

  #pushed(frame: Frame, memory: Memory): void {
    const { msg, mid, conv, seq } = frame as Frame & { msg: string; conv: string; seq: number };
    const from = (frame.id ?? frame.from) as number;
    const arrived: Arrived = { log: memory.log, conv, seq, from, mid };
    if (memory.shown.has(msg)) {
      // Under another name of the log the same message has another number; its user has seen it.
      if (memory.held.get(conv)?.seqs.has(seq)) return;
      this.#note({ type: "read", ...this.#by(), ...arrived, text: msg });
      this.#hold(conv, seq);
    } else if (TEXT.test(msg)) {
      this.#arrived.set(msg, arrived);
    } else if (!memory.held.get(conv)?.seqs.has(seq)) {
      // A friend request or its answer is shown without a text.
      this.#note({
        type: "read",
        ...this.#by(),
        ...arrived,
        mid: undefined,
        text: `${frame.msgid} ${from}`,
      });
      this.#hold(conv, seq);
    }
  }

  #settled(mid: string): void {
    this.#underWay.delete(mid);
    for (const [text, its] of this.#pending) if (its === mid) this.#pending.delete(text);
  }

  #loggedIn(frame: Frame): void {
    const conversations = frame.conversations as Progress[];
    const log = frame.log as string;
    this.#memory ??= {
      name: `${this.user}.${this.#index}.${++this.#memories}`,
      log,
      held: new Map(),
      shown: new Set(),
    };
    const memory = this.#memory;
    if (memory.log !== log) memory.held.clear();
    memory.log = log;
    const delivered: Record<string, number> = {};
    for (const { conv, delivered: to } of conversations) {
      delivered[conv] = to;
      const held = memory.held.get(conv);
      // What another program of this user has got does not come once more.
      const from = this.#isShared ? Math.max(to + 1, held?.from ?? 1) : held?.from ?? to + 1;
      memory.held.set(conv, { from, seqs: held?.seqs ?? new Set() });
    }
    this.#note({ type: "login", ...this.#by(), log, delivered });
  }

  /** Reads a whole conversation, as another client of this user would. */
  async #history(conv: string, client: string) {
    const read: Extract<Event, { type: "read" }>[] = [];
    const log = this.#memory!.log;
    for (let before: number | undefined;;) {
      const answer = new Promise<Frame>((resolve) => this.#asked = resolve);
      const page = { msgid: Msg.HISTORY, conv, limit: HISTORY_PAGE, ...(before && { before }) };
      this.#wire?.send(JSON.stringify(page));
      const { messages, more } = await answer as unknown as { messages: Frame[]; more: boolean };
      for (const { seq, mid, msg = "", msgid, ...frame } of messages.toSorted((a, b) => b.seq! - a.seq!)) {
        const from = (frame.id ?? frame.from) as number;
        const what = mid === undefined ? { text: `${msgid} ${from}` } : { mid, text: msg };
        const by = { t: this.#world.now, client, user: this.user };
        read.unshift({ type: "read", ...by, log, conv, seq: seq!, from, ...what });
        before = seq;
      }
      if (!more || messages.length === 0) break;
    }
    this.#asked = undefined;
    for (const event of read) this.#note(event);
    return read;
  }
}
