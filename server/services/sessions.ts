import type { Bus } from "../bus/bus.ts";
import { groupChannel, userChannel } from "../bus/channels.ts";
import { groupConv } from "../protocol/conversation.ts";
import type { UserDevice } from "../stores/store.ts";
import type { System } from "../system.ts";
import type { Inbox } from "./inbox.ts";
import type { Peer } from "./peer.ts";

/** Groups that a session leaves at once, and the pause before the next ones, in ms. */
const LEFT_AT_ONCE = 500;
const PAUSE = 10;

/** One device of a user, logged in over one connection. */
export interface Session {
  /** Its name in the cluster, random. */
  readonly id: string;
  readonly user: { readonly id: number; readonly name: string };
  /** The device's name; "" is the nameless one. */
  readonly device: string;
  readonly peer: Peer;
  readonly inbox: Inbox;
  /** The groups that the user is in. */
  readonly groups: Set<number>;
  /** While the session does not take part in all of its user's conversations yet: resolves when it does. */
  entering: Promise<void> | undefined;
  /** Whom its client takes for online, by id; another object each time that it is told so. */
  readonly takenForOnline: Map<number, { readonly name: string }>;
  /** True once the session has ended: logged out, taken over, or its connection closed. */
  ended: boolean;
}

interface GroupSessions {
  readonly sessions: Set<Session>;
  /** Resolves when what is said in the group comes in on this node. */
  readonly subscribed: Promise<void>;
}

interface UserSessions {
  /** One for each device. */
  readonly sessions: Session[];
  /** Resolves when the user's wake-ups come in on this node. */
  readonly subscribed: Promise<void>;
  /** Whether the user may have sessions on other nodes. */
  elsewhere: boolean;
  /** When that was learnt last other than from the store, by the monotonic clock. */
  learnt: number;
}

const NOBODY: readonly Session[] = [];

/**
 * The sessions of this node, by user and by group. The node is subscribed to exactly the channels of the users who
 * have a session here and of the groups that they are in.
 */
export class Sessions {
  readonly #bus: Bus;
  readonly #after: System["after"];
  readonly #monotonic: () => number;
  readonly #byUser = new Map<number, UserSessions>();
  readonly #byGroup = new Map<number, GroupSessions>();
  #size = 0;

  constructor(bus: Bus, { after, monotonic }: Pick<System, "after" | "monotonic">) {
    this.#bus = bus;
    this.#after = after;
    this.#monotonic = monotonic;
  }

  /** The session of one device. */
  get({ user, device }: UserDevice): Session | undefined {
    return this.of(user).find((session) => session.device === device);
  }

  /** The sessions of all devices of a user that are logged in here. */
  of(user: number): readonly Session[] {
    return this.#byUser.get(user)?.sessions ?? NOBODY;
  }

  /** Whether a user may have sessions on other nodes, as far as this node knows. */
  mayBeElsewhere(user: number): boolean {
    return this.#byUser.get(user)?.elsewhere ?? true;
  }

  /** Another node says that a user who is here has a session there. */
  heardElsewhere(user: number): void {
    const here = this.#byUser.get(user);
    if (!here) return;
    here.elsewhere = true;
    here.learnt = this.#monotonic();
  }

  /**
   * The store says whether a user who is here has sessions on other nodes. Whether this node did not know that there are
   * some: what it has announced meanwhile has not been announced to them.
   * @param asked When the store was asked: what was learnt since is newer.
   */
  foundElsewhere(user: number, { elsewhere, asked }: { elsewhere: boolean; asked: number }): boolean {
    const here = this.#byUser.get(user);
    if (!here || here.learnt >= asked) return false;
    const isNews = elsewhere && !here.elsewhere;
    here.elsewhere = elsewhere;
    return isNews;
  }

  /** The sessions whose users are in a group. */
  inGroup(group: number): Iterable<Session> {
    return this.#byGroup.get(group)?.sessions ?? [];
  }

  all(): Session[] {
    return [...this.#byUser.values()].flatMap(({ sessions }) => sessions);
  }

  get size(): number {
    return this.#size;
  }

  /** Takes a session in, at once. Resolves when its user's wake-ups come in. */
  add(session: Session): Promise<void> {
    const { id } = session.user;
    let here = this.#byUser.get(id);
    if (!here) {
      const subscribed = this.#bus.subscribe([userChannel(id)]);
      // Until the store has been asked nobody knows who else is there.
      here = { sessions: [], subscribed, elsewhere: true, learnt: this.#monotonic() };
      this.#byUser.set(id, here);
    }
    here.sessions.push(session);
    this.#size++;
    return here.subscribed;
  }

  /** From now on the session takes part in these groups. Resolves when what is said in them comes in. */
  async enterGroups(session: Session, groups: readonly number[]): Promise<void> {
    if (session.ended) return;
    const added = groups.filter((group) => !this.#byGroup.has(group));
    const subscribed = added.length > 0 ? this.#bus.subscribe(added.map(groupChannel)) : Promise.resolve();
    for (const group of added) this.#byGroup.set(group, { sessions: new Set(), subscribed });
    const entered = groups.map((group) => this.#byGroup.get(group)!);
    for (const { sessions } of entered) sessions.add(session);
    for (const group of groups) session.groups.add(group);
    await Promise.all(entered.map((group) => group.subscribed));
  }

  /** The session's user has joined a group, and sees what is said in it after `seq`. */
  async joinGroup(session: Session, joined: { group: number; seq: number }): Promise<void> {
    const conv = groupConv(joined.group);
    session.inbox.enter(conv, joined.seq);
    await this.enterGroups(session, [joined.group]);
    // The next entry may have been announced before this node was subscribed: look whether it is there.
    session.inbox.notice(conv, joined.seq + 1);
  }

  /** Ends a session; again is fine. Its connection stays as it is. */
  remove(session: Session): void {
    if (session.ended) return;
    session.ended = true;
    session.inbox.close();
    const { id } = session.user;
    const sessions = this.#byUser.get(id)?.sessions;
    const at = sessions?.indexOf(session) ?? -1;
    if (at >= 0) {
      sessions!.splice(at, 1);
      this.#size--;
    }
    if (sessions?.length === 0) {
      this.#byUser.delete(id);
      this.#bus.unsubscribe([userChannel(id)]);
    }
    this.#leaveAll(session, [...session.groups]);
  }

  /** Of somebody who is in thousands of groups nobody has to wait for the end: it takes no part in them any more. */
  #leaveAll(session: Session, groups: readonly number[]): void {
    this.#leave(session, groups.slice(0, LEFT_AT_ONCE));
    if (groups.length <= LEFT_AT_ONCE) return;
    this.#after(PAUSE, () => this.#leaveAll(session, groups.slice(LEFT_AT_ONCE)));
  }

  #leave(session: Session, groups: readonly number[]): void {
    const left: string[] = [];
    for (const group of groups) {
      const sessions = this.#byGroup.get(group)?.sessions;
      sessions?.delete(session);
      if (sessions?.size === 0) {
        this.#byGroup.delete(group);
        left.push(groupChannel(group));
      }
    }
    this.#bus.unsubscribe(left);
  }
}
