import { delay } from "@std/async/delay";
import { Errno, Refusal } from "../errors.ts";
import { type LeaseStore, StoreUnavailable } from "../stores/store.ts";
import type { Gate } from "./gate.ts";
import type { Session, Sessions } from "./sessions.ts";

/** How often a node says that it lives and looks what became of its leases, in ms. */
const BEAT_INTERVAL = 1000;
/** A node takes itself for dead this much earlier than others may, in ms. */
const MARGIN = 500;
/** How long a takeover waits for the other session to end, and how often it looks, at first and later, in ms. */
const TAKEOVER_TIMEOUT = 10_000;
const TAKEOVER_INTERVAL = { first: 100, last: 800 } as const;

export interface LeasesOptions {
  readonly store: LeaseStore;
  /** This node's id. */
  readonly node: string;
  readonly sessions: Sessions;
  readonly gate: Gate;
  /** A clock in ms that never goes back and goes on while the process is frozen. */
  readonly monotonic: () => number;
  /** Ends a session that has to make room; resolves when its client has been told and its lease given back. */
  readonly evict: (session: Session) => Promise<void>;
  /** Asks the node of a session to evict it, without waiting. */
  readonly askToEvict: (lease: { user: number; session: string }) => void;
  /** Told of users whose node died. */
  readonly onFreed: (users: readonly number[]) => void;
  /** Told when the node may serve again after it could not be sure. */
  readonly onConfirmed: () => void;
  readonly onDefect: (error: unknown) => void;
}

/**
 * One session a user in the whole cluster (I6). Before a session begins its lease is taken; a node that cannot be sure
 * that its leases are still its own, because its heartbeat is overdue (frozen, or cut off from the store), serves
 * nobody until it has looked, and ends the sessions whose leases are gone.
 */
export class Leases {
  readonly #options: LeasesOptions;
  /** Sessions whose lease is being taken. */
  readonly #claiming = new Set<string>();
  readonly #stopping = new AbortController();
  #beaten = -Infinity;
  /** Since when every heartbeat was in time. */
  #steady = Infinity;
  /** How often the node could not be sure of its leases. */
  #lapses = 0;
  #ticking: Promise<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Whether this node's leases are certainly its own. */
  get valid(): boolean {
    const { store, monotonic } = this.#options;
    if (store.ttl === Infinity || monotonic() - this.#beaten < store.ttl - MARGIN) return true;
    if (!this.#stopping.signal.aborted) this.look();
    return false;
  }

  /** Makes the node known and begins its heartbeat. */
  async start(): Promise<void> {
    if (this.#options.store.ttl === Infinity) return;
    await this.#tick();
    this.#timer = setInterval(() => this.look(), BEAT_INTERVAL);
  }

  /** Gives all leases back. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#ticking;
    try {
      await this.#options.store.leave(this.#options.node);
    } catch (error) {
      // Then they end by themselves after a while.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  /**
   * Takes a user's lease and opens a session under it. With `takeover` the session that has it is ended first.
   * @param open Makes the session of this id known on this node, without a pause.
   * @throws {Refusal} errno 2 if the user is logged in.
   */
  async claim<T>(claim: { user: number; takeover: boolean }, open: (session: string) => T): Promise<T> {
    const session = crypto.randomUUID();
    this.#claiming.add(session);
    const lapses = this.#lapses;
    try {
      await this.#take({ ...claim, session });
      if (lapses !== this.#lapses || !this.valid) {
        // Frozen in between: the lease may have been taken by somebody else again.
        await this.#options.store.release({ user: claim.user, session });
        throw new Refusal(Errno.NOT_STORED, "not certain, try again", { retryMs: 1000 });
      }
      return open(session);
    } finally {
      this.#claiming.delete(session);
    }
  }

  /** Gives the lease of a session back; if the store cannot be reached, the next heartbeat does it. */
  async release(session: Session): Promise<void> {
    try {
      await this.#options.store.release({ user: session.user.id, session: session.id });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  /** Sends a heartbeat and looks what became of the leases, unless that is under way. */
  look(): void {
    this.#ticking ??= this.#tick()
      .catch((error) => error instanceof StoreUnavailable ? undefined : this.#options.onDefect(error))
      .finally(() => this.#ticking = undefined);
  }

  async #take(
    { user, takeover, session }: { user: number; takeover: boolean; session: string },
  ): Promise<void> {
    const { store, node, sessions, gate, monotonic } = this.#options;
    const deadline = monotonic() + TAKEOVER_TIMEOUT;
    let asked = "";
    let interval: number = TAKEOVER_INTERVAL.first;
    while (true) {
      const holder = await gate.run(() => store.take({ user, node, session }, { mayBury: this.#mayBury }));
      if (!holder) return;
      if (!takeover || monotonic() > deadline || this.#stopping.signal.aborted) {
        throw new Refusal(Errno.LOGGED_IN, "this account is already logged in");
      }
      const local = sessions.get(user);
      if (local?.id === holder.session) {
        await this.#options.evict(local);
      } else if (asked !== holder.session) {
        // By the store for certain, by the bus to be quick.
        asked = holder.session;
        await store.want(user);
        this.#options.askToEvict({ user, session: holder.session });
      } else {
        const { signal } = this.#stopping;
        await delay(interval, { signal }).catch(() => "stopping");
        interval = Math.min(2 * interval, TAKEOVER_INTERVAL.last);
      }
    }
  }

  /**
   * Others may be judged only by a node that has been well itself for a while: after an outage of the store
   * everybody's heartbeat is overdue at first.
   */
  get #mayBury(): boolean {
    return this.#options.monotonic() - this.#steady > this.#options.store.ttl;
  }

  async #tick(): Promise<void> {
    const { store, node, monotonic } = this.#options;
    const began = monotonic();
    const before = this.#options.sessions.all();
    await store.beat(node);
    const held = await store.held(node);
    this.#evictLost(before, held);
    const lapsed = monotonic() - this.#beaten >= store.ttl - MARGIN;
    this.#beaten = began;
    if (lapsed) {
      this.#lapses++;
      this.#steady = Infinity;
      if (monotonic() - began < store.ttl - MARGIN) this.#options.onConfirmed();
    }
    await this.#releaseOrphans(held);
    if (this.#steady === Infinity) this.#steady = began;
    if (!this.#mayBury) return;
    const freed = await store.bury();
    if (freed.length > 0) this.#options.onFreed(freed);
  }

  /**
   * Ends the sessions that were here before the leases were read and have none, or one that somebody else wants. They
   * are no sessions from this moment on; telling their clients takes its time.
   */
  #evictLost(
    before: readonly Session[],
    held: readonly { user: number; session: string; wanted: boolean }[],
  ): void {
    const leases = new Map(held.map((lease) => [lease.session, lease]));
    for (const session of before) {
      if (session.ended || leases.get(session.id)?.wanted === false) continue;
      this.#options.evict(session).catch(this.#options.onDefect);
    }
  }

  /** Gives back leases that could not be given back when their sessions ended. */
  async #releaseOrphans(held: readonly { user: number; session: string }[]): Promise<void> {
    for (const { user, session } of held) {
      const isHere = this.#options.sessions.get(user)?.id === session;
      if (!isHere && !this.#claiming.has(session)) await this.#options.store.release({ user, session });
    }
  }
}
