import { Errno, Refusal } from "../errors.ts";
import { Pauses } from "../pauses.ts";
import type { EndReason } from "../protocol/messages.ts";
import {
  type HeldLease,
  type Lease,
  type LeaseStore,
  type Pulse,
  StoreUnavailable,
  type UserDevice,
  type Want,
} from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";
import type { Gate } from "./gate.ts";
import { NodeWatch } from "./node_watch.ts";
import type { Session, Sessions } from "./sessions.ts";

/** How often a node says that it lives and looks what became of its leases, in ms. */
const BEAT_INTERVAL = 1000;
/** A node whose counter has not moved for so long is dead, in ms. */
const TTL = 5000;
/** A node takes itself for dead this much earlier than others may, in ms. */
const MARGIN = 500;
/** A node that was buried goes on counting from so much more: heartbeats whose answers were lost count, too. */
const LEAP = 1000;
/** What names a session, in bytes. */
const SESSION_BYTES = 16;
/** How long a takeover waits for the other session to end, and how often it looks, at first and later, in ms. */
const TAKEOVER_TIMEOUT = 10_000;
const TAKEOVER_INTERVAL = { first: 100, last: 800 } as const;

export interface LeasesOptions {
  readonly store: LeaseStore;
  /** This node's id. */
  readonly node: string;
  /** The name of the message log when the node started. */
  readonly log: string;
  /** Gives the log a new name if it still has that one; the name that it has then. */
  readonly renameLog: (old: string) => Promise<string>;
  readonly sessions: Sessions;
  readonly gate: Gate;
  readonly system: Pick<System, "monotonic" | "after" | "every" | "secret">;
  /** Ends a session; resolves when its client has been told and its lease given back. */
  readonly end: (session: Session, reason: EndReason) => Promise<void>;
  /** Asks the node of a session to end it, without waiting. */
  readonly askToEvict: (lease: Pick<Lease, "user" | "session">, why: Want) => void;
  /** Told of users who have sessions on other nodes too, which this node did not know. */
  readonly onElsewhere: (user: number) => void;
  /** Told regularly which nodes the store knows, this one included. */
  readonly onNodes: (ids: readonly string[]) => void;
  /** Told when a node is no longer there: it may have died between a commit and its announcement. */
  readonly onNodeGone: () => void;
  /** Told after each heartbeat whether the store took it: undefined, or why not. */
  readonly onBeat?: (failure: StoreUnavailable | undefined) => void;
  /** Told of users who had sessions on a node that died. */
  readonly onFreed: (users: readonly number[]) => void;
  /** Told when the node may serve again after it could not be sure. */
  readonly onConfirmed: () => void;
  /** Told that the log has another name; the sessions have not ended yet. */
  readonly onLogRenamed: (names: { from: string; to: string }) => void;
  readonly onDefect: (error: unknown) => void;
}

/**
 * One session for each device of a user in the whole cluster (I6). Before a session begins its lease is taken; a node that cannot be sure
 * that its leases are still its own, because its heartbeat is overdue (frozen, or cut off from the store), serves
 * nobody until it has looked, and ends the sessions whose leases are gone.
 *
 * A heartbeat is a counter in the store. A node is dead when its counter has not moved for a while by the clock of the
 * node that watches. A counter that goes back belongs to a store that is older than it was (I12): the log gets a new
 * name, and all sessions end.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #watch = new NodeWatch();
  /** Sessions whose lease is being taken. */
  readonly #claiming = new Set<string>();
  /** Sessions that end, and have something left to do before their lease is given back. */
  readonly #closing = new Set<string>();
  readonly #pauses: Pauses;
  #log: string;
  /** The names that the log had before, as far as this node knows: a store that has one of them is older, too. */
  readonly #former = new Set<string>();
  #beaten = -Infinity;
  /** Whether the last heartbeat failed. */
  #failed = false;
  /** How often the node could not be sure of its leases. */
  #lapses = 0;
  /** How often somebody doubted that the store is as new as it was. */
  #doubts = 0;
  /** This node's counter, as far as it knows. */
  #counted = 0;
  /** Whether leases may be left of nodes that are gone. */
  #unswept = true;
  #ticking: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  #cancel: Cancel | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#pauses = new Pauses(options.system.after);
    this.#log = options.log;
  }

  /** Whether this node's leases are certainly its own. */
  get valid(): boolean {
    const { store, system: { monotonic } } = this.#options;
    if (!store.shared || monotonic() - this.#beaten < TTL - MARGIN) return true;
    if (!this.#pauses.ended) this.look();
    return false;
  }

  /** The name of the message log, as far as this node knows. */
  get log(): string {
    return this.#log;
  }

  /** Makes the node known and begins its heartbeat. */
  async start(): Promise<void> {
    const { store, node } = this.#options;
    if (!store.shared) return;
    await store.enter({ id: node, beat: 1 });
    await this.#tick();
    this.#cancel = this.#options.system.every(BEAT_INTERVAL, () => void this.look());
  }

  /** Gives all leases back. */
  async stop(): Promise<void> {
    this.#cancel?.();
    this.#pauses.end();
    await this.#ticking;
    await this.#tidying;
    try {
      await this.#options.store.leave(this.#options.node);
    } catch (error) {
      // Then they end by themselves after a while.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  /**
   * Takes a device's lease and opens a session under it. With `takeover` the session that has it is ended first.
   * @param open Makes the session of this id known on this node, without a pause.
   * @throws {Refusal} errno 2 if the device is logged in.
   */
  async claim<T>(
    { takeover, ...claim }: UserDevice & { takeover: boolean },
    open: (session: string) => T,
  ): Promise<T> {
    const session = this.#options.system.secret(SESSION_BYTES);
    this.#claiming.add(session);
    const lapses = this.#lapses;
    try {
      await this.#take({ ...claim, session, why: takeover ? "takeover" : undefined });
      // Frozen in between: the lease may have been taken by somebody else again. And what has just come back from an
      // outage may be older than it was.
      if (lapses !== this.#lapses || this.#failed || this.#pauses.ended || !this.valid) {
        this.look();
        await this.#options.store.release({ ...claim, session });
        throw new Refusal(Errno.NOT_STORED, "not certain, try again", { retryMs: 1000 });
      }
      return open(session);
    } finally {
      this.#claiming.delete(session);
    }
  }

  /**
   * Ends the session that a device has, wherever it is, and does `work` before the device can have another one.
   * @throws {Refusal} errno 2 if the session does not end.
   */
  async endDevice(device: UserDevice, work: () => Promise<void>): Promise<void> {
    const session = this.#options.system.secret(SESSION_BYTES);
    this.#claiming.add(session);
    try {
      await this.#take({ ...device, session, why: "ended" });
      await work();
    } finally {
      this.#claiming.delete(session);
      await this.#options.store.release({ ...device, session });
    }
  }

  /**
   * Gives the lease of a session back when `work` is done. If the store cannot be reached, the next heartbeat does it.
   */
  async close(session: Session, work: () => Promise<void>): Promise<void> {
    this.#closing.add(session.id);
    try {
      await work();
      await this.#options.store.release({
        user: session.user.id,
        device: session.device,
        session: session.id,
      });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    } finally {
      this.#closing.delete(session.id);
    }
  }

  /** Serves nobody until it has looked: the store may be older than it was. */
  doubt(): void {
    this.#doubts++;
    this.#beaten = -Infinity;
    this.look();
  }

  /** Sends a heartbeat and looks what became of the leases, unless that is under way. Resolves when that is done. */
  look(): Promise<void> {
    if (!this.#options.store.shared || this.#pauses.ended) return Promise.resolve();
    return this.#ticking ??= this.#tick()
      .catch((error) => {
        this.#failed = true;
        if (error instanceof StoreUnavailable) this.#options.onBeat?.(error);
        else this.#options.onDefect(error);
      })
      .finally(() => this.#ticking = undefined);
  }

  async #take(
    { user, device, session, why }: Omit<Lease, "node"> & { why: Want | undefined },
  ): Promise<void> {
    const { store, node, sessions, gate, system: { monotonic } } = this.#options;
    const deadline = monotonic() + TAKEOVER_TIMEOUT;
    let asked = "";
    let interval: number = TAKEOVER_INTERVAL.first;
    while (true) {
      const holder = await gate.run(() => store.take({ user, device, node, session }));
      if (!holder) return;
      // Left over from a node that is gone: by a login that went on while it ended, or in a store that came back older.
      if (store.shared && this.#watch.beat(holder.node) === undefined) this.#unswept = true;
      if (why === undefined || monotonic() > deadline || this.#pauses.ended) {
        throw new Refusal(Errno.LOGGED_IN, "this account is already logged in");
      }
      const local = sessions.get({ user, device });
      if (local?.id === holder.session) {
        await this.#options.end(local, why);
      } else if (asked !== holder.session) {
        // By the store for certain, by the bus to be quick.
        asked = holder.session;
        await store.want({ user, device }, why);
        this.#options.askToEvict({ user, session: holder.session }, why);
      } else {
        await this.#pauses.pause(interval);
        interval = Math.min(2 * interval, TAKEOVER_INTERVAL.last);
      }
    }
  }

  /** Never waits for a row that somebody has locked: that is for what follows it. */
  async #tick(): Promise<void> {
    const { store, node, sessions, system: { monotonic }, onConfirmed, onElsewhere, onNodeGone, onDefect } =
      this.#options;
    const began = monotonic();
    const doubts = this.#doubts;
    const before = sessions.all();
    const pulse = await store.beat(node);
    const { gone } = await this.#compare(pulse);
    if (!pulse.ours) await store.enter({ id: node, beat: this.#counted + LEAP });
    const held = await store.held(node);
    // What is left of the leases of a node that was buried is not this node's any more.
    this.#endLost(before, pulse.ours ? held : []);
    for (const { user, elsewhere } of held) {
      if (sessions.foundElsewhere(user, { elsewhere, asked: began })) onElsewhere(user);
    }
    const lapsed = !pulse.ours || monotonic() - this.#beaten >= TTL - MARGIN;
    // If somebody has doubted since, this was not the look that they asked for.
    if (doubts === this.#doubts) this.#beaten = began;
    this.#failed = false;
    this.#options.onBeat?.(undefined);
    if (lapsed) {
      this.#lapses++;
      this.#watch.restart(monotonic());
      if (monotonic() - this.#beaten < TTL - MARGIN) onConfirmed();
    }
    if (gone) {
      this.#unswept = true;
      onNodeGone();
    }
    this.#tidying ??= this.#tidy(held)
      .catch((error) => error instanceof StoreUnavailable ? undefined : onDefect(error))
      .finally(() => this.#tidying = undefined);
  }

  /** Compares what the store knows with what it knew. */
  async #compare({ ours, nodes, log }: Pulse): Promise<{ gone: boolean }> {
    const { node, system: { monotonic }, renameLog, onNodes } = this.#options;
    const { gone, older } = this.#watch.see(nodes, monotonic());
    const counted = this.#watch.beat(node);
    const isOlder = older || this.#former.has(log) || (ours
      // Each heartbeat makes it one more.
      ? counted !== undefined && counted <= this.#counted
      // Nobody is there who could have buried this node.
      : nodes.length === 0);
    this.#counted = counted ?? this.#counted;
    const mayStay = log !== this.#log && !this.#former.has(log);
    this.#adopt(isOlder && !mayStay ? await renameLog(log) : log);
    onNodes(nodes.map(({ id }) => id));
    return { gone };
  }

  /** Another name of the log ends all sessions: what their clients have seen may not be there any more. */
  #adopt(log: string): void {
    if (log === this.#log) return;
    const { sessions, end, onLogRenamed, onDefect } = this.#options;
    const from = this.#log;
    this.#former.add(from);
    // What had been swept may be there again.
    this.#unswept = true;
    this.#log = log;
    this.#lapses++;
    onLogRenamed({ from, to: log });
    for (const session of sessions.all()) end(session, "unsure").catch(onDefect);
  }

  /**
   * Ends the sessions that were here before the leases were read and have none, or one that somebody else wants. They
   * are no sessions from this moment on; telling their clients takes its time.
   */
  #endLost(before: readonly Session[], held: readonly HeldLease[]): void {
    const leases = new Map(held.map((lease) => [lease.session, lease]));
    for (const session of before) {
      const lease = leases.get(session.id);
      if (session.ended || (lease && !lease.wanted)) continue;
      this.#options.end(session, lease?.wanted ?? "unsure").catch(this.#options.onDefect);
    }
  }

  /** What may take its time: gives back what is left of sessions, buries dead nodes, and ends what they leave. */
  async #tidy(held: readonly HeldLease[]): Promise<void> {
    const { store, node, system: { monotonic }, onFreed } = this.#options;
    const released = this.#releaseOrphans(held);
    for (const dead of this.#watch.overdue(monotonic(), TTL)) {
      if (dead.id === node) continue;
      await store.bury(dead);
      this.#unswept = true;
    }
    if (this.#unswept) {
      this.#unswept = false;
      const { freed, left } = await store.sweep();
      if (left > 0) this.#unswept = true;
      if (freed.length > 0) onFreed(freed);
    }
    await released;
  }

  /** Gives back leases that could not be given back when their sessions ended. */
  async #releaseOrphans(held: readonly HeldLease[]): Promise<void> {
    const { store, sessions } = this.#options;
    const orphans = held.filter(({ user, device, session }) =>
      sessions.get({ user, device })?.id !== session && !this.#claiming.has(session) &&
      !this.#closing.has(session)
    );
    const released = await Promise.allSettled(orphans.map((orphan) => store.release(orphan)));
    for (const result of released) {
      if (result.status === "rejected" && !(result.reason instanceof StoreUnavailable)) throw result.reason;
    }
  }
}
