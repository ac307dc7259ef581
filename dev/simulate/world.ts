import { Random } from "../faults/random.ts";
import type { After, Cancel, System } from "../../server/system.ts";

/** The Unix time at which every simulation begins, in ms. */
const EPOCH = Date.UTC(2026, 0, 1);

interface Happening {
  readonly at: number;
  /** Of two at the same time the one that was planned first comes first. */
  readonly order: number;
  run: (() => void) | undefined;
  readonly machine: Machine | undefined;
}

/**
 * Time, chance and machines of one simulation, in one thread. Whatever happens is planned for a moment of simulated time
 * and happens there, one thing after the other; between two of them all promises that can settle have settled. So the
 * same seed leads to the same events, byte for byte.
 */
export class World {
  readonly random: Random;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #planned = new Heap();
  #now = 0;
  #order = 0;

  /** @param options.trace Is told what happens, a line each. */
  constructor(options: { seed: number; trace?: ((line: string) => void) | undefined }) {
    this.random = new Random(options.seed);
    this.#trace = options.trace;
  }

  /** Milliseconds since the begin. */
  get now(): number {
    return this.#now;
  }

  /** Notes something for the reader of a trace. */
  tell(who: string, what: string): void {
    this.#trace?.(`${this.#now.toFixed(3).padStart(10)} ${who.padEnd(8)} ${what}`);
  }

  /** Runs something after `ms`; on a machine, if it is given: when it is frozen later, when it has crashed never. */
  after(ms: number, run: () => void, machine?: Machine): Cancel {
    const happening: Happening = { at: this.#now + Math.max(0, ms), order: this.#order++, run, machine };
    this.#planned.add(happening);
    return () => happening.run = undefined;
  }

  pause(ms: number, machine?: Machine): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve, machine));
  }

  /** Lets everything happen that is planned before `end`, in ms. */
  async run(end: number): Promise<void> {
    for (let next = this.#planned.first; next && next.at <= end; next = this.#planned.first) {
      this.#planned.take();
      if (!next.run || next.machine?.crashed) continue;
      this.#now = next.at;
      if (next.machine?.park(next.run)) continue;
      next.run();
      await settled();
    }
    this.#now = end;
  }
}

/** Resolves when no promise is left that can settle. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** A computer with a clock of its own, which can stand still for a while, or end. */
export class Machine {
  readonly name: string;
  readonly system: System;
  readonly #world: World;
  readonly #random: Random;
  #crashed = false;
  #frozen = false;
  /** What happened to it while it stood still. */
  #parked: (() => void)[] = [];
  /** How far its clock is ahead, in ms. */
  #ahead = 0;

  constructor(world: World, name: string) {
    this.name = name;
    this.#world = world;
    this.#random = world.random.fork();
    this.system = {
      now: () => EPOCH + Math.floor(world.now) + this.#ahead,
      monotonic: () => world.now,
      after: this.after,
      every: (ms, run) => this.#every(ms, run),
      turn: () => new Promise((resolve) => void this.after(0, resolve)),
      random: () => this.#random.next(),
      secret: (bytes) => this.#secret(bytes),
    };
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  readonly after: After = (ms, run) => this.#world.after(ms, run, this);

  tell(what: string): void {
    this.#world.tell(this.name, what);
  }

  /** Nothing happens on it any more. */
  crash(): void {
    this.#crashed = true;
    this.#parked = [];
  }

  /** It stands still, timers and sockets included, for so many ms. */
  freeze(ms: number): void {
    if (this.#frozen || this.#crashed) return;
    this.#frozen = true;
    this.#world.after(ms, () => {
      this.#frozen = false;
      const parked = this.#parked;
      this.#parked = [];
      // One after the other, each with all that follows from it at once.
      for (const run of parked) this.after(0, run);
    });
  }

  /** Sets its clock forward, or back. */
  stepClock(ms: number): void {
    this.#ahead += ms;
  }

  /** Keeps something for later while it stands still; whether it does. */
  park(run: () => void): boolean {
    if (this.#frozen) this.#parked.push(run);
    return this.#frozen;
  }

  #every(ms: number, run: () => void): Cancel {
    let cancel = () => {};
    const plan = () => {
      cancel = this.after(ms, () => {
        plan();
        run();
      });
    };
    plan();
    return () => cancel();
  }

  #secret(bytes: number): string {
    let text = "";
    while (text.length < bytes) text += Math.floor(this.#random.next() * 2 ** 32).toString(36);
    return text.slice(0, bytes);
  }
}

/** What is planned, the earliest first: a binary heap. */
class Heap {
  readonly #items: Happening[] = [];

  get first(): Happening | undefined {
    return this.#items[0];
  }

  add(item: Happening): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(items[parent]!, item)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  /** Removes the first one. */
  take(): void {
    const items = this.#items;
    const last = items.pop()!;
    if (items.length === 0) return;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++;
      if (isBefore(last, items[child]!)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
  }
}

const isBefore = (a: Happening, b: Happening) => a.at < b.at || (a.at === b.at && a.order < b.order);
