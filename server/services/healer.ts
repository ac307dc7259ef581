import { Pauses } from "../pauses.ts";
import { parseConv } from "../protocol/conversation.ts";
import { type LogStore, StoreUnavailable, type UserDevice } from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";
import type { Session, Sessions } from "./sessions.ts";

/** How often the log is asked while wake-ups may not arrive, in ms. */
const POLL_INTERVAL = 700;
/** How often it is asked although they seem to, in ms. */
const LOOK_INTERVAL = 20_000;
/** Devices asked about at once, and the pause before the next ones in ms, so that many do not stampede the store. */
const CHUNK = 2000;
const CHUNK_PAUSE = 50;

export interface HealerOptions {
  readonly log: LogStore;
  readonly sessions: Sessions;
  /** Whether wake-ups from all other nodes arrive. */
  readonly isHearing: () => boolean;
  /** How often the log is asked although they do, in ms; 20 s if left out. */
  readonly interval?: number;
  readonly system: Pick<System, "after" | "every">;
  readonly onDefect: (error: unknown) => void;
}

/**
 * Finds what wake-ups did not announce (I5, I10): asks the log, for everybody who has a session here, which conversations
 * hold more than was delivered. Once when there is reason to, often while wake-ups may not arrive, and now and then
 * without any reason, since a wake-up can be lost without a trace.
 */
export class Healer {
  readonly #options: HealerOptions;
  readonly #pauses: Pauses;
  #timers: Cancel[] = [];
  #sweeping: Promise<void> | undefined;
  #busy = false;
  #again = false;
  /** Users to be looked for apart from all others. */
  readonly #some = new Set<number>();
  #lookingForSome = false;

  constructor(options: HealerOptions) {
    this.#options = options;
    this.#pauses = new Pauses(options.system.after);
  }

  start(): void {
    const { system: { every }, interval = LOOK_INTERVAL } = this.#options;
    const poll = () => {
      if (!this.#options.isHearing()) this.heal();
    };
    this.#timers = [every(POLL_INTERVAL, poll), every(interval, () => this.heal())];
  }

  async stop(): Promise<void> {
    for (const cancel of this.#timers) cancel();
    this.#pauses.end();
    await this.#sweeping;
  }

  /** Looks for what is missing; what is asked for while it looks is looked for once more. */
  heal(): void {
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    this.#sweeping = this.#sweep().catch(this.#options.onDefect);
  }

  /** Looks for what one user's sessions are missing. Never rejects. */
  async healUser(user: number): Promise<void> {
    this.#some.add(user);
    if (this.#lookingForSome) return;
    this.#lookingForSome = true;
    while (this.#some.size > 0 && !this.#pauses.ended) {
      const devices = [...this.#some].flatMap((id) => this.#options.sessions.of(id)).map(deviceOf);
      this.#some.clear();
      await this.#look(devices.slice(0, CHUNK)).catch(this.#options.onDefect);
      // Who can write to Redis can repeat what made somebody ask.
      if (this.#some.size > 0) await this.#pauses.pause(CHUNK_PAUSE);
    }
    this.#lookingForSome = false;
    if (this.#again) this.heal();
  }

  async #sweep(): Promise<void> {
    try {
      while (this.#again && !this.#pauses.ended) {
        this.#again = false;
        const devices = this.#options.sessions.all().map(deviceOf);
        for (let at = 0; at < devices.length && !this.#pauses.ended; at += CHUNK) {
          if (at > 0) await this.#pauses.pause(CHUNK_PAUSE);
          await this.#look(devices.slice(at, at + CHUNK));
        }
      }
    } finally {
      // In the same turn as the look at `again`, so that nothing asked for falls in between.
      this.#busy = false;
    }
  }

  async #look(devices: readonly UserDevice[]): Promise<void> {
    const { log, sessions } = this.#options;
    if (devices.length === 0) return;
    try {
      for (const { user, device, conv, seq, delivered } of await log.behind(devices)) {
        const session = sessions.get({ user, device });
        if (!session) continue;
        const about = parseConv(conv);
        if (about?.kind === "group" && !session.groups.has(about.group)) {
          // Joined by another session of the user, which ended meanwhile, or by a request whose answer was lost.
          await sessions.joinGroup(session, { group: about.group, seq: delivered });
        }
        session.inbox.notice(conv, seq, delivered);
      }
    } catch (error) {
      // Asked again as soon as there is reason to: nobody is told of a message while the store is away.
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#again = true;
      await this.#pauses.pause(POLL_INTERVAL);
    }
  }
}

const deviceOf = ({ user, device }: Session): UserDevice => ({ user: user.id, device });
