import type { Bus, BusEvents } from "../../server/bus/bus.ts";
import type { Machine, World } from "./world.ts";

/** What becomes of what is published. Each is a probability. */
export interface BusFaults {
  readonly lost: number;
  readonly twice: number;
  /** It arrives up to {@linkcode LATE} later than what was published after it. */
  readonly late: number;
}

const LATE = 3000;

/** One or several servers that carry wake-ups; nodes at different ones do not hear each other. */
export class Hub {
  readonly #world: World;
  readonly #faults: () => BusFaults;
  readonly #ends = new Set<SimulatedBus>();

  constructor(world: World, faults: () => BusFaults) {
    this.#world = world;
    this.#faults = faults;
  }

  join(end: SimulatedBus): void {
    this.#ends.add(end);
  }

  leave(end: SimulatedBus): void {
    this.#ends.delete(end);
  }

  publish(from: SimulatedBus, { channel, payload }: { channel: string; payload: string }): void {
    const { random } = this.#world;
    for (const end of this.#ends) {
      if (end.side !== from.side || !end.hears(channel)) continue;
      const { lost, twice, late } = this.#faults();
      if (random.chance(lost)) continue;
      for (let copies = random.chance(twice) ? 2 : 1; copies > 0; copies--) {
        const latency = 0.2 + random.next() + (random.chance(late) ? LATE * random.next() : 0);
        this.#world.after(latency, () => end.take(channel, payload), end.machine);
      }
    }
  }
}

/** The bus as one node sees it. */
export class SimulatedBus implements Bus {
  readonly carries = true;
  readonly machine: Machine;
  /** Which of the hub's servers it is connected to. */
  side = 0;
  readonly #hub: Hub;
  readonly #events: BusEvents;
  readonly #channels = new Set<string>();
  #away = false;

  constructor(hub: Hub, { machine, events }: { machine: Machine; events: BusEvents }) {
    this.#hub = hub;
    this.machine = machine;
    this.#events = events;
    hub.join(this);
  }

  get working(): boolean {
    return !this.#away;
  }

  /** The connection is lost, or there again. */
  set away(away: boolean) {
    if (away === this.#away) return;
    this.#away = away;
    if (!away) this.machine.after(1, () => this.#events.interrupted());
  }

  hears(channel: string): boolean {
    return this.#channels.has(channel) && !this.#away && !this.machine.crashed;
  }

  take(channel: string, payload: string): void {
    if (this.hears(channel)) this.#events.message(channel, payload);
  }

  publish(channel: string, payload: string): void {
    if (this.#away) return this.#events.unsent();
    this.machine.after(0.1, () => this.#hub.publish(this, { channel, payload }));
  }

  subscribe(channels: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      this.machine.after(0.5, () => {
        for (const channel of channels) this.#channels.add(channel);
        resolve();
      });
    });
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.delete(channel);
  }

  close(): Promise<void> {
    this.#hub.leave(this);
    return Promise.resolve();
  }
}
