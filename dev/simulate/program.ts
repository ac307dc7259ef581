import { App } from "../../client/app.ts";
import type { Dial, Wire, WireEvents } from "../../client/link.ts";
import { parseConv, peerOf } from "../../server/protocol/conversation.ts";
import { Msg } from "../../server/protocol/msgid.ts";
import type { Event, Of } from "../proof/history.ts";
import { eventText, type Frame, Witness } from "./witness.ts";
import { Machine, type World } from "./world.ts";

/** How long a person takes to answer a question, in ms. */
const TYPING = 50;
const RETRY = 1000;
/** What a person answers to which question; "" is their id. */
const ANSWERS = [["choice", "1"], ["id or name", ""], ["password", "secret"], ["already", "y"]] as const;
const HISTORY_PAGE = 50;

/**
 * A person at a terminal client: the real client on a simulated machine, its keyboard, screen and network in the hands of
 * the simulation.
 */
export class Program {
  readonly user: number;
  readonly device: string;
  /** What it runs on; a program that is started again has another one. */
  machine: Machine;
  readonly #world: World;
  readonly #index: number;
  readonly #dial: (machine: Machine, events: WireEvents) => Promise<Wire>;
  readonly #witness: Witness;
  #app: App | undefined;
  #wire: Wire | undefined;
  #isIn = false;
  #mids = 0;
  #texts = 0;
  /** What the program asks, until it is answered. */
  #question = "";
  #prompts = 0;
  /** Whether its user wants to be logged in. */
  #wanted = false;
  #asked: ((frame: Frame) => void) | undefined;

  constructor(
    world: World,
    { user, index, device, isShared, dial, note }: {
      user: number;
      /** The name of its device; "" is the nameless one. */
      device: string;
      /** Whether the user has other programs on this device. */
      isShared: boolean;
      /** Of several programs of one user which one. */
      index: number;
      dial: (machine: Machine, events: WireEvents) => Promise<Wire>;
      note: (event: Event) => void;
    },
  ) {
    this.user = user;
    this.device = device;
    this.#world = world;
    this.#index = index;
    this.#dial = dial;
    this.#witness = new Witness({
      user,
      name: `${user}.${index}`,
      device,
      isShared,
      now: () => world.now,
      note,
    });
    this.machine = this.#newMachine();
  }

  /** Whether it is logged in, as far as it knows. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** Whether its connection is logged in just now. */
  get isConnected(): boolean {
    return this.#isIn && this.#witness.isLoggedIn;
  }

  /** Whether everything that was typed has been acknowledged or refused. */
  get isDone(): boolean {
    return this.#witness.pending === 0;
  }

  /** Whether it has shown, or knows otherwise, all of these numbers of a conversation. */
  hasAll(conv: string, seqs: readonly number[]): boolean {
    return this.#witness.hasAll(conv, seqs);
  }

  /** How far it has told its present connection, without being refused, that conversations were read. */
  get confirmed(): ReadonlyMap<string, number> {
    return this.#witness.confirmed;
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

  /** Edits, recalls or reacts to a message whose number it knows. @param pick At least 0, less than 1: which message. */
  amend(kind: "edit" | "recall" | "react", pick: number): void {
    const places = this.#witness.places(kind === "react" ? "known" : "own");
    const place = places[Math.floor(pick * places.length)];
    const about = place && parseConv(place.conv);
    if (!about || !this.#isIn) return;
    const where = about.kind === "group" ? `g${about.group}` : `#${peerOf(about, this.user)}`;
    const what = {
      edit: () => ` ~${this.user}.${this.#index}.${++this.#texts}~`,
      recall: () => "",
      react: () => pick < 0.7 ? " 👍" : " 👍 off",
    }[kind]();
    this.#type(`/${kind} ${where} ${place.seq}${what}`);
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
    this.#wire?.close();
    this.#closed("cut");
    this.machine.crash();
    this.machine = this.#newMachine();
    if (this.#wanted) this.machine.after(TYPING, () => void this.#start());
  }

  /** Notes what it holds at the end. */
  async end(member: (conv: string) => boolean): Promise<void> {
    const holds = this.#witness.holds;
    if (!holds || !this.#isIn) return;
    const observer = `${this.user}.${this.#index}.history`;
    for (const conv of holds.convs.filter(member)) {
      this.#witness.end(conv, {
        read: await this.#history(conv, { client: observer, log: holds.log }),
        observer,
      });
    }
  }

  async #start(): Promise<void> {
    const app: App = new App({
      print: (line, shown) => {
        if (app !== this.#app) return;
        this.machine.tell(`screen: ${line}`);
        this.#witness.shown(line);
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
      ...this.device !== "" && { device: { device: this.device, client: "simulated" } },
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
    this.#witness.typed(text);
    this.#type(command + text);
  }

  #type(...lines: string[]): void {
    for (const text of lines) this.#app?.post({ type: "line", text, taken: () => {} });
  }

  #prompted(text: string): void {
    this.#isIn = text === ">";
    if (text.startsWith("choice") && this.#witness.holds) this.#lose("logged out");
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
  #lose(why: string): void {
    const { pending } = this.#witness;
    if (pending > 0) this.machine.tell(`${why}: ${pending} messages are given up`);
    this.#witness.forget();
    this.#isIn = false;
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
    this.#witness.closed(how);
  }

  #sent(frame: Frame): void {
    this.machine.tell(`→ ${JSON.stringify(frame)}`);
    this.#witness.sent(frame);
  }

  #received(frame: Frame): void {
    this.machine.tell(`← ${JSON.stringify(frame)}`);
    if (frame.msgid === Msg.HISTORY_ACK && this.#asked) this.#asked(frame);
    else this.#witness.received(frame);
  }

  /** Reads a whole conversation, as another client of this user would. */
  async #history(conv: string, { client, log }: { client: string; log: string }): Promise<Of<"read">[]> {
    const read: Of<"read">[] = [];
    for (let before: number | undefined;;) {
      const answer = new Promise<Frame>((resolve) => this.#asked = resolve);
      const page = { msgid: Msg.HISTORY, conv, limit: HISTORY_PAGE, ...(before && { before }) };
      this.#wire?.send(JSON.stringify(page));
      const { messages, more } = await answer as unknown as { messages: Frame[]; more: boolean };
      for (const { seq, mid, msg, msgid, ...frame } of messages.toSorted((a, b) => b.seq! - a.seq!)) {
        const from = (frame.id ?? frame.from) as number;
        const isEdited = frame.edited !== undefined;
        const what = mid === undefined
          ? { text: `${msgid} ${from}` }
          : msgid === Msg.EVENT
          ? { text: eventText(mid) }
          : { mid, ...msg !== undefined && !isEdited && { text: msg } };
        const by = { t: this.#world.now, client, user: this.user };
        read.unshift({ type: "read", ...by, log, conv, seq: seq!, from, ...what });
        before = seq;
      }
      if (!more || messages.length === 0) break;
    }
    this.#asked = undefined;
    return read;
  }
}
