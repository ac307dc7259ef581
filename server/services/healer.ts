import { delay } from "@std/async/delay";
import type { Bus } from "../bus/bus.ts";
import { type LogStore, StoreUnavailable } from "../stores/store.ts";
import type { Sessions } from "./sessions.ts";

/** How often the log is asked while the bus does not work, in ms. */
const POLL_INTERVAL = 700;
/** Users asked about at once, and the pause before the next ones in ms, so that many do not stampede the store. */
const CHUNK = 200;
const CHUNK_PAUSE = 10;

/**
 * Finds what wake-ups did not announce (I5): asks the log, for everybody who has a session here, which conversations
 * hold more than was delivered. Once after an interruption of the bus, and regularly while it does not work.
 */
export class Healer {
  readonly #log: LogStore;
  readonly #sessions: Sessions;
  readonly #bus: Bus;
  readonly #onDefect: (error: unknown) => void;
  readonly #stopping = new AbortController();
  #timer: ReturnType<typeof setInterval> | undefined;
  #sweeping: Promise<void> | undefined;
  #busy = false;
  #again = false;

  constructor(options: { log: LogStore; sessions: Sessions; bus: Bus; onDefect: (error: unknown) => void }) {
    this.#log = options.log;
    this.#sessions = options.sessions;
    this.#bus = options.bus;
    this.#onDefect = options.onDefect;
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (!this.#bus.working) this.heal();
    }, POLL_INTERVAL);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#sweeping;
  }

  /** Looks for what is missing; what is asked for while it looks is looked for once more. */
  heal(): void {
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    this.#sweeping = this.#sweep().catch(this.#onDefect);
  }

  async #sweep(): Promise<void> {
    try {
      while (this.#again && !this.#stopping.signal.aborted) {
        this.#again = false;
        const users = this.#sessions.all().map((session) => session.user.id);
        for (let at = 0; at < users.length && !this.#stopping.signal.aborted; at += CHUNK) {
          if (at > 0) await this.#pause();
          await this.#look(users.slice(at, at + CHUNK));
        }
      }
    } finally {
      // In the same turn as the look at `again`, so that nothing asked for falls in between.
      this.#busy = false;
    }
  }

  async #look(users: readonly number[]): Promise<void> {
    try {
      for (const { user, conv, seq } of await this.#log.behind(users)) {
        this.#sessions.get(user)?.inbox.notice(conv, seq);
      }
    } catch (error) {
      // Asked again as soon as there is reason to: nobody is told of a message while the store is away.
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#again = true;
      await this.#pause(POLL_INTERVAL);
    }
  }

  async #pause(ms: number = CHUNK_PAUSE): Promise<void> {
    const { signal } = this.#stopping;
    await delay(ms, { signal }).catch(() => "stopping");
  }
}
