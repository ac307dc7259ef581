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
  /** A clock in ms that never goes back. */
  readonly monotonic: () => number;
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
  #expected: readonly string[] = [];
  #silent: readonly string[] = [];
  #wasWorking = true;
  #timers: ReturnType<typeof setInterval>[] = [];

  constructor(options: HearingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.beat();
    this.#timers = [
      setInterval(() => this.#options.beat(), BEAT_INTERVAL),
      setInterval(() => this.look(), LOOK_INTERVAL),
    ];
  }

  stop(): void {
    this.#timers.forEach(clearInterval);
  }

  /** The nodes that live, as the store knows them. */
  expect(nodes: readonly string[]): void {
    this.#expected = nodes.filter((node) => node !== this.#options.node);
    for (const node of this.#heard.keys()) if (!nodes.includes(node)) this.#heard.delete(node);
    this.look();
  }

  /** A node has let itself be heard. */
  hear(node: string): void {
    if (node === this.#options.node || !this.#expected.includes(node)) return;
    this.#heard.set(node, this.#options.monotonic());
  }

  /** Whether what any other node says arrives here. */
  get working(): boolean {
    return this.#options.busWorks() && this.#silentNow().length === 0;
  }

  /** Tells what has changed since the last look. */
  look(): void {
    const working = this.working;
    const silent = this.#options.busWorks() ? this.#silentNow() : this.#silent;
    if (silent.join() !== this.#silent.join()) this.#options.onChange(silent);
    this.#silent = silent;
    if (working && !this.#wasWorking) this.#options.onHeard();
    this.#wasWorking = working;
  }

  #silentNow(): string[] {
    const since = this.#options.monotonic() - SILENCE;
    return this.#expected.filter((node) => (this.#heard.get(node) ?? -Infinity) < since);
  }
}
