import type { Cancel, System } from "../system.ts";

/** How often a node lets itself be heard, in ms. */
const BEAT_INTERVAL = 500;
/** A node that was not heard for so long is not heard, in ms. */
const SILENCE = 1500;
/** How often it is looked who is heard, in ms. */
const LOOK_INTERVAL = 250;

export interface HearingOptions {
  /** This node's id. */
  readonly node: string;
  /** Whether the bus itself works. */
  readonly busWorks: () => boolean;
  /** Lets the other nodes hear this one. */
  readonly beat: () => void;
  readonly system: Pick<System, "monotonic" | "every">;
  /** Told when wake-ups of some node stop to arrive: what was missed until that was noticed is to be looked for. */
  readonly onSilent: () => void;
  /** Told when wake-ups of all nodes arrive again: what was missed meanwhile is to be looked for. */
  readonly onHeard: () => void;
  /** Told which nodes are not heard any more, and when all are. */
  readonly onChange: (silent: readonly string[]) => void;
}

/**
 * Whether nodes hear each other through the bus. Each lets itself be heard, and one that does not hear every node which
 * the store knows to live takes the bus for broken, whatever the bus says of itself: two nodes may have been given two
 * Redis servers. A node that was never heard counts as silent, since that costs only looking into the log.
 */
export class Hearing {
  readonly #options: HearingOptions;
  /** When each node was heard last. */
  readonly #heard = new Map<string, number>();
  /** The other nodes that live, and since when that is known. */
  #expected: ReadonlyMap<string, number> = new Map();
  #silent: readonly string[] = [];
  #wasWorking = true;
  #timers: Cancel[] = [];

  constructor(options: HearingOptions) {
    this.#options = options;
  }

  start(): void {
    const { beat, system: { every } } = this.#options;
    beat();
    this.#timers = [every(BEAT_INTERVAL, beat), every(LOOK_INTERVAL, () => this.look())];
  }

  stop(): void {
    for (const cancel of this.#timers) cancel();
  }

  /** The nodes that live, as the store knows them. */
  expect(nodes: readonly string[]): void {
    const { node: own, system: { monotonic } } = this.#options;
    const now = monotonic();
    this.#expected = new Map(
      nodes.filter((node) => node !== own).map((node) => [node, this.#expected.get(node) ?? now]),
    );
    for (const [node, at] of this.#heard) {
      if (!this.#expected.has(node) && now - at > SILENCE) this.#heard.delete(node);
    }
    this.look();
  }

  /** A node has let itself be heard. One that begins is often heard before the store is asked about it. */
  hear(node: string): void {
    if (node !== this.#options.node) this.#heard.set(node, this.#options.system.monotonic());
  }

  /** Whether what any other node says arrives here. */
  get working(): boolean {
    return this.#options.busWorks() && this.#silentNow().length === 0;
  }

  /** Tells what has changed since the last look. */
  look(): void {
    const working = this.working;
    const silent = this.#options.busWorks()
      ? this.#silentNow().filter((node) => this.#isOld(node))
      : this.#silent;
    if (silent.join() !== this.#silent.join()) this.#options.onChange(silent);
    this.#silent = silent;
    if (working && !this.#wasWorking) this.#options.onHeard();
    if (!working && this.#wasWorking) this.#options.onSilent();
    this.#wasWorking = working;
  }

  #silentNow(): string[] {
    const since = this.#options.system.monotonic() - SILENCE;
    return [...this.#expected.keys()].filter((node) => (this.#heard.get(node) ?? -Infinity) < since);
  }

  /** A node that has just begun, or that this one has just learnt of, is no news while it is silent. */
  #isOld(node: string): boolean {
    return this.#options.system.monotonic() - (this.#expected.get(node) ?? Infinity) > SILENCE;
  }
}
