import { pairConv } from "../../server/protocol/conversation.ts";
import { Random } from "../faults/random.ts";
import { check, type Verdict } from "../proof/check.ts";
import type { Event } from "../proof/history.ts";
import { type BusFaults, Hub } from "./bus.ts";
import { Database } from "./database.ts";
import { lateOnes } from "./late.ts";
import type { Cable } from "./network.ts";
import { SimulatedNode, type Surroundings } from "./node.ts";
import { Program } from "./program.ts";
import type { Fault, Planned, Schedule } from "./schedule.ts";
import type { StoreFaults } from "./store.ts";
import { Machine, World } from "./world.ts";

/** How long everything may take to come right once nothing goes wrong any more, in ms. */
const PATIENCE = 180_000;
/** How long a supervisor waits before it starts a node again that could not start, in ms. */
const RESTART = 1000;
/** How long a client may not read what has come, in ms, and how long until a node ends one that is silent. */
const CROSSING = 16_000;
const SILENCE = 45_000;
/** How long it takes until a failover is noticed, in ms. */
const NOTICED = 10_000;
const LOOK_INTERVAL = 1000;
/** For how long a call of the store may be under way, in ms. */
const UNDER_WAY = 8000;
/** How long it takes to read all histories at the end, in ms. */
const READING = 5000;
const FINE_STORE: StoreFaults = { before: 0, after: 0, slow: 0 };
const FINE_BUS: BusFaults = { lost: 0, twice: 0, late: 0 };

export interface Outcome {
  readonly schedule: Schedule;
  readonly history: readonly Event[];
  readonly verdict: Verdict;
  /** What is wrong beside what the history shows: defects, and what did not come right in the end. */
  readonly wrong: readonly string[];
  /** How long it took in simulated time, in ms. */
  readonly ended: number;
}

/** Whether all was as it should be. */
export const isFine = ({ verdict, wrong }: Outcome) => verdict.breaches.size === 0 && wrong.length === 0;

/** Runs a schedule. The same one gives the same outcome and the same trace. */
export async function simulate(
  schedule: Schedule,
  { trace }: { trace?: (line: string) => void } = {},
): Promise<Outcome> {
  return await new Simulation(schedule, trace).run();
}

class Simulation {
  readonly #schedule: Schedule;
  readonly #world: World;
  readonly #database: Database;
  readonly #hub: Hub;
  readonly #nodes: SimulatedNode[] = [];
  readonly #programs: Program[] = [];
  readonly #cables = new Map<Machine, Cable>();
  /** Cables that were pulled out without anybody noticing. */
  readonly #silent: Cable[] = [];
  readonly #history: Event[] = [];
  readonly #wrong: string[] = [];
  readonly #chance: Random;
  #failedOver = -Infinity;
  #storeFaults = FINE_STORE;
  #busFaults = FINE_BUS;
  /** How many nodes there have been, so that each has its own name. */
  #started = 0;

  constructor(schedule: Schedule, trace: ((line: string) => void) | undefined) {
    this.#schedule = schedule;
    this.#world = new World({ seed: schedule.seed, trace });
    this.#chance = this.#world.random.fork();
    this.#database = new Database({ name: "sim", secret: "secret", log: "log 0" });
    this.#hub = new Hub(this.#world, () => this.#busFaults);
  }

  async run(): Promise<Outcome> {
    const { nodes, users, doubles, devices = 0, groups, span, faults } = this.#schedule;
    for (let user = 1; user <= users; user++) {
      this.#database.write((tables) => tables.createAccount(`user${user}`, "secret"));
    }
    for (let group = 1; group <= groups; group++) {
      this.#database.write((tables) => tables.createGroup({ name: "g", description: "", creator: 1 }));
    }
    this.#database.keep();
    for (let node = 0; node < nodes; node++) this.#startNode(node);
    for (let i = 0; i < users + doubles; i++) {
      this.#addProgram(i < users ? i + 1 : i - users + 1, { index: i, device: "" });
    }
    for (let i = 0; i < devices; i++) {
      this.#addProgram(Math.max(1, users - (i >> 1)), { index: users + doubles + i, device: `device-${i}` });
    }
    for (const { at, fault } of faults) this.#world.after(at, () => this.#begin(fault));
    await this.#world.run(span);
    await this.#comeRight();
    return {
      schedule: this.#schedule,
      history: this.#history,
      verdict: check(this.#history, {
        ...{ silence: SILENCE, crossing: CROSSING, oneAtATime: true },
        mayGoBack: faults.some(({ fault }) => fault.kind === "failover"),
      }),
      wrong: [...this.#wrong, ...lateOnes(this.#history, this.#schedule)],
      ended: this.#world.now,
    };
  }

  #startNode(index: number): void {
    // A copy that lacks what nobody who lives knew is more than can be noticed.
    this.#database.keep();
    const surroundings: Surroundings = {
      world: this.#world,
      database: this.#database,
      hub: this.#hub,
      storeFaults: () => this.#storeFaults,
      // As a supervisor does.
      onFailed: () => void this.#world.after(RESTART, () => this.#startNode(index)),
      onDefect: (line) => this.#wrong.push(line),
    };
    const node = new SimulatedNode(`node ${index}.${++this.#started}`, surroundings);
    this.#nodes[index] = node;
  }

  #addProgram(user: number, { index, device }: { index: number; device: string }): void {
    const { users, doubles, span } = this.#schedule;
    const program = new Program(this.#world, {
      user,
      index,
      device,
      isShared: device === "" && user <= doubles,
      dial: async (machine, events) => {
        await this.#world.pause(1, machine);
        const up = this.#nodes.filter((node) => node.isUp);
        if (up.length === 0) throw new Error("connection refused");
        const cable = this.#chance.pick(up).connect(machine, events);
        this.#cables.set(machine, cable);
        return cable.client;
      },
      note: (event) => this.#history.push(event),
    });
    this.#programs.push(program);
    const isDouble = index >= users && device === "";
    if (index < users) program.begin();
    // A device begins when its user has been there for a while, or at once.
    else if (device !== "") this.#world.after(this.#chance.between(0, span / 2), () => program.begin());
    this.#world.after(500, () => this.#act(program, isDouble));
  }

  /** What a person does, again and again until time is up. */
  #act(program: Program, isDouble: boolean): void {
    const { users, groups, span, pace } = this.#schedule;
    const chance = this.#chance;
    if (this.#world.now >= span) return;
    if (isDouble && chance.chance(0.1)) program.isIn ? program.logOut() : program.begin();
    const other = () => chance.between(1, users);
    const what = chance.next();
    if (what < 0.6) {
      program.chat(other());
    } else if (what < 0.8 && groups > 0) {
      program.groupChat(chance.between(1, groups));
    } else if (what < 0.85 && groups > 0) {
      program.joinGroup(chance.between(1, groups));
    } else if (what < 0.9) {
      program.befriend(other());
    } else if (what < 0.93) {
      const to = other();
      for (let i = chance.between(5, 30); i > 0; i--) program.chat(to);
    } else if (what < 0.98) {
      program.amend(chance.pick(["edit", "recall", "recall", "react"]), chance.next());
    }
    this.#world.after(chance.between(50, pace), () => this.#act(program, isDouble));
  }

  #begin(fault: Fault): void {
    this.#world.tell("fault", JSON.stringify(fault));
    this.#history.push({ type: "note", t: this.#world.now, text: JSON.stringify(fault) });
    const later = "for" in fault ? fault.for : 0;
    const end = (run: () => void) => this.#world.after(later, run);
    const node = "node" in fault ? this.#nodes[fault.node]! : undefined;
    const program = "program" in fault ? this.#programs[fault.program]! : undefined;
    const cable = program && this.#cables.get(program.machine);
    switch (fault.kind) {
      case "crash":
        if (!node!.machine.crashed && this.#mayEnd) {
          this.#database.keep();
          if (fault.silent) this.#silent.push(...node!.cables);
          node!.crash(fault);
          end(() => this.#startNode(fault.node));
        }
        return;
      case "restart":
        if (node!.isUp && this.#mayEnd) {
          void node!.stop().then(() => {
            this.#database.keep();
            end(() => this.#startNode(fault.node));
          });
        }
        return;
      case "freeze":
        return node!.machine.freeze(fault.for);
      case "clock":
        return node!.machine.stepClock(fault.by);
      case "store away":
        this.#database.away = true;
        return void end(() => this.#database.away = false);
      case "store flaky":
        this.#storeFaults = { ...this.#storeFaults, before: fault.before, after: fault.after };
        return void end(() => this.#storeFaults = { ...this.#storeFaults, before: 0, after: 0 });
      case "store slow":
        this.#storeFaults = { ...this.#storeFaults, slow: fault.slow };
        return void end(() => this.#storeFaults = { ...this.#storeFaults, slow: 0 });
      case "failover":
        this.#failedOver = this.#world.now;
        this.#database.away = true;
        this.#database.failOver(fault.lost);
        return void end(() => this.#database.away = false);
      case "bus away":
        node!.bus.away = true;
        return void end(() => node!.bus.away = false);
      case "bus split":
        node!.bus.side = 1;
        return void end(() => node!.bus.side = 0);
      case "bus flaky":
        this.#busFaults = fault;
        return void end(() => this.#busFaults = FINE_BUS);
      case "cut":
        if (cable && fault.silent) this.#silent.push(cable);
        return cable?.cut(fault);
      case "stall":
        if (!cable) return;
        cable.client.reads = false;
        return void end(() => cable.client.reads = true);
      case "relogin":
        program!.logOut();
        return void end(() => program!.begin());
      case "reprogram":
        return program!.restart();
    }
  }

  /** Whether a node may end: only those that live can notice that the database came back older. */
  get #mayEnd(): boolean {
    return this.#world.now - this.#failedOver > NOTICED;
  }

  /** Nothing goes wrong any more: after a while everybody has everything. */
  async #comeRight(): Promise<void> {
    const { users, doubles, faults } = this.#schedule;
    await this.#world.run(Math.max(this.#world.now, ...faults.map(endOf)));
    for (const cable of this.#silent) cable.cut();
    this.#world.tell("fault", "none any more");
    // What is under way ends by itself; who is not here comes back.
    const last = this.#programs.filter((_, i) => i < users || i >= users + doubles);
    const taken = this.#programs.slice(users, users + doubles);
    const deadline = this.#world.now + PATIENCE;
    let missing = "";
    do {
      for (const program of last) if (!program.isIn) program.begin();
      for (const program of taken) program.logOut();
      await this.#world.run(this.#world.now + LOOK_INTERVAL);
      // What was under way longest ends, too.
      if (this.#missing(last) === "") await this.#world.run(this.#world.now + UNDER_WAY);
      missing = taken.some(({ isIn }) => isIn) ? "somebody is logged in twice" : this.#missing(last);
    } while (missing !== "" && this.#world.now < deadline);
    this.#wrong.push(...this.#unread());
    if (missing !== "") this.#wrong.push(`not right after ${PATIENCE / 1000} s: ${missing}`);
    let isRead = false;
    const isMember = (conv: string, user: number) => this.#membership(conv, user) !== undefined;
    void Promise.all(last.map((program) => program.end((conv) => isMember(conv, program.user))))
      .then(() => isRead = true);
    await this.#world.run(this.#world.now + READING);
    if (!isRead) this.#wrong.push("the history could not be read");
  }

  /** The first thing that is not as it should be in the end; empty if everything is. */
  #missing(programs: readonly Program[]): string {
    if (this.#nodes.some((node) => !node.isUp)) return "not all nodes are up";
    for (const program of programs) {
      const { name } = program.machine;
      if (!program.isConnected) return `${name} is not logged in`;
      if (!program.isDone) return `${name} has unsent messages`;
      for (const [conv, log] of this.#database.tables.logs()) {
        const membership = this.#membership(conv, program.user);
        if (!membership) continue;
        const pushed = log.filter(({ sender }) =>
          sender !== program.user || program.device !== "" || conv === pairConv(sender, sender)
        );
        const seqs = pushed.map(({ seq }) => seq).filter((seq) => seq > membership.joined);
        if (!program.hasAll(conv, seqs)) return `${name} has not got all of ${conv}`;
      }
    }
    return "";
  }

  /** What a user has read on one device is read on all: what was confirmed last is what a login is told. */
  #unread(): string[] {
    // A cursor that went with the newest entries is not said again.
    if (this.#failedOver >= 0) return [];
    return this.#programs.flatMap(({ user, confirmed }) => {
      const told = new Map(
        this.#database.tables.conversations(user).map(({ conv, read }) => [conv, read]),
      );
      return [...confirmed].filter(([conv, seq]) => (told.get(conv) ?? seq) < seq)
        .map(([conv, seq]) =>
          `user ${user} has read ${conv} up to ${seq}, a login is told ${told.get(conv)}`
        );
    });
  }

  #membership(conv: string, user: number): { joined: number } | undefined {
    return this.#database.tables.membership(conv, user);
  }
}

const endOf = ({ at, fault }: Planned) => "for" in fault ? at + fault.for : at;
