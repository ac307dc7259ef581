import { Msg } from "../server/protocol/msgid.ts";
import { Backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";

/** One open connection. */
export interface Wire {
  /** Queues one line; never blocks, never throws. */
  send(line: string): void;
  /** Closes; no event comes from this wire afterwards that matters. */
  close(): void;
}

/** What a wire reports; `closed` is the last event and comes at most once. */
export interface WireEvents {
  frame(text: string): void;
  closed(cause: string): void;
}

/** Opens a connection. Rejects with an Error whose message is a sentence for the person. */
export type Dial = (events: WireEvents) => Promise<Wire>;

/** What a link reports. */
export interface LinkEvents {
  up(): void;
  /** The connection ended or could not be made. */
  down(cause: string): void;
  frame(text: string): void;
}

/** The peer is asked for a sign of life after this silence, and given up after that. */
const PING_AFTER = 30_000;
const GIVE_UP_AFTER = 45_000;
/** A connection that held this long was a good one: the next wait starts small again. */
const HELD = 10_000;
const LONGEST_PAUSE = 60_000;

/**
 * Keeps one connection to the server while it is wanted: reconnects with backoff, pings when nothing comes, and gives
 * up a peer that stays silent. It knows nothing about what is said on the connection.
 */
export class Link {
  readonly #dial: Dial;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #wire: Wire | undefined;
  /** Counts connections, so that late events of an old one are not taken for news of the new one. */
  #generation = 0;
  #dialing = false;
  #wanted = false;
  #stopped = false;
  #pause: number | undefined;
  #upSince = 0;
  #lastHeard = 0;
  #cancelRetry = nothing;
  #cancelWatch = nothing;

  constructor(dial: Dial, events: LinkEvents, options: { clock: Clock; random: () => number }) {
    this.#dial = dial;
    this.#events = events;
    this.#clock = options.clock;
    this.#backoff = new Backoff(options.random);
  }

  get isUp(): boolean {
    return this.#wire !== undefined;
  }

  /** The first connection. Rejects as {@linkcode Dial} does; nothing is tried again then. */
  async start(): Promise<void> {
    await this.#connect();
  }

  /** Sends a frame; false while there is no connection. */
  send(text: string): boolean {
    this.#wire?.send(text);
    return this.#wire !== undefined;
  }

  /** Whether anybody needs the connection: if not, a broken one stays broken. */
  want(wanted: boolean): void {
    this.#wanted = wanted;
    if (!wanted) {
      this.#cancelRetry();
      this.#cancelRetry = nothing;
    } else if (!this.isUp && !this.#dialing && this.#cancelRetry === nothing) {
      this.#retry();
    }
  }

  /** The server works: the next wait is a short one again. */
  healthy(): void {
    this.#backoff.reset();
  }

  /** The server said when to come back: the next wait is that long instead. */
  pauseFor(ms: number): void {
    this.#pause = Math.min(Math.max(ms, 0), LONGEST_PAUSE);
  }

  /** Ends the current connection; a new one is made if one is wanted. */
  drop(cause: string): void {
    if (this.#wire) this.#down(cause);
  }

  /** Ends everything. */
  stop(): void {
    this.#stopped = true;
    this.want(false);
    this.#cancelWatch();
    this.#generation++;
    this.#wire?.close();
    this.#wire = undefined;
  }

  async #connect(): Promise<void> {
    const mine = ++this.#generation;
    this.#dialing = true;
    try {
      const wire = await this.#dial({
        frame: (text) => {
          if (mine !== this.#generation) return;
          this.#lastHeard = this.#clock.now();
          this.#events.frame(text);
        },
        closed: (cause) => {
          if (mine === this.#generation) this.#down(cause);
        },
      });
      if (mine !== this.#generation) return wire.close();
      this.#wire = wire;
    } finally {
      this.#dialing = false;
    }
    this.#upSince = this.#lastHeard = this.#clock.now();
    this.#pause = undefined;
    this.#watch(PING_AFTER);
    this.#events.up();
  }

  #down(cause: string): void {
    this.#generation++;
    this.#cancelWatch();
    this.#wire?.close();
    this.#wire = undefined;
    if (this.#clock.now() - this.#upSince >= HELD) this.#backoff.reset();
    if (this.#wanted) this.#retry();
    this.#events.down(cause);
  }

  #retry(): void {
    if (this.#stopped) return;
    const wait = this.#pause ?? this.#backoff.next();
    this.#pause = undefined;
    this.#cancelRetry = this.#clock.after(wait, () => {
      this.#cancelRetry = nothing;
      this.#connect().catch((cause: unknown) => {
        if (this.#wanted) this.#retry();
        this.#events.down(cause instanceof Error ? cause.message : String(cause));
      });
    });
  }

  #watch(wait: number): void {
    this.#cancelWatch = this.#clock.after(wait, () => {
      const silence = this.#clock.now() - this.#lastHeard;
      if (silence >= GIVE_UP_AFTER) return this.#down("the server has not answered for 45 s");
      if (silence < PING_AFTER) return this.#watch(PING_AFTER - silence);
      this.send(JSON.stringify({ msgid: Msg.PING }));
      this.#watch(GIVE_UP_AFTER - silence);
    });
  }
}

function nothing(): void {}
