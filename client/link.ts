import { Msg } from "../server/protocol/msgid.ts";
import { Backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { isFrame } from "./frames.ts";

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

/** Where a chat server may be. */
export interface Server {
  /** `127.0.0.1:8888`. */
  readonly name: string;
  readonly dial: Dial;
}

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
/** Every chat server of this protocol's second generation answers a ping at once; what does not is an older one. */
const GREETING = 5000;
/** A connection that held this long was a good one: the next wait starts small again. */
const HELD = 10_000;
const LONGEST_PAUSE = 60_000;

/** It takes connections and does not answer: what is typed there would be lost. */
class OldServer extends Error {
  override readonly name = "OldServer";

  constructor(server: string) {
    super(
      `${server} does not answer this client: it is an older chat server, or none at all; ` +
        "use the client that belongs to it, or say where a newer server is: HOST:PORT",
    );
  }
}

/**
 * Keeps one connection to the server while it is wanted: reconnects with backoff, pings when nothing comes, and gives
 * up a peer that stays silent. Beyond that it knows nothing about what is said on the connection.
 */
export class Link {
  readonly #servers: readonly Server[];
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #dial: Dial = () => Promise.reject(new Error("not started"));
  #wire: Wire | undefined;
  /** Told, during the first moments with a server, of its first frame or why there is none. */
  #greeted: ((sign: { frame: string } | { cause: string }) => void) | undefined;
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

  /** @param servers Tried in this order; the first chat server among them is the one from then on. */
  constructor(
    servers: readonly Server[],
    events: LinkEvents,
    options: { clock: Clock; random: () => number },
  ) {
    this.#servers = servers;
    this.#events = events;
    this.#clock = options.clock;
    this.#backoff = new Backoff(options.random);
  }

  get isUp(): boolean {
    return this.#wire !== undefined;
  }

  /**
   * The first connection; resolves to whom. Rejects as {@linkcode Dial} does, or with a sentence if what is there is
   * not a chat server; nothing is tried again then.
   */
  async start(): Promise<Server> {
    const failures: unknown[] = [];
    for (const server of this.#servers) {
      try {
        this.#dial = server.dial;
        await this.#connect();
        await this.#greet(server.name);
        this.#events.up();
        return server;
      } catch (cause) {
        failures.push(cause);
      }
    }
    const old = failures.find((failure) => failure instanceof OldServer);
    if (failures.length === 1 || old) throw old ?? failures[0];
    const names = this.#servers.map(({ name }) => name).join(" or ");
    throw new Error(`no chat server at ${names}; check that one is running, or say where: HOST:PORT`);
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
          this.#greeted?.({ frame: text });
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
  }

  async #greet(name: string): Promise<void> {
    const cause = await new Promise<string | undefined>((resolve) => {
      const cancel = this.#clock.after(GREETING, () => resolve("silence"));
      this.#greeted = (sign) => {
        cancel();
        if ("cause" in sign) resolve(sign.cause);
        else resolve(isFrame(sign.frame) ? undefined : "it sends something else");
      };
      this.send(JSON.stringify({ msgid: Msg.PING }));
    });
    this.#greeted = undefined;
    if (cause === undefined) return;
    this.drop(cause);
    if (cause === "silence") throw new OldServer(name);
    throw new Error(
      `${name} is not a chat server (${cause}); check the port, and that the server behind it is running`,
    );
  }

  #down(cause: string): void {
    this.#generation++;
    this.#cancelWatch();
    this.#wire?.close();
    this.#wire = undefined;
    this.#greeted?.({ cause });
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
      this.#connect().then(() => this.#events.up()).catch((cause: unknown) => {
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
