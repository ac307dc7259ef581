import type { Bus } from "../bus/bus.ts";
import { groupChannel, userChannel } from "../bus/channels.ts";
import { groupConv } from "../protocol/conversation.ts";
import type { Inbox } from "./inbox.ts";
import type { Peer } from "./peer.ts";

/** One user, logged in over one connection. */
export interface Session {
  /** Its name in the cluster, random. */
  readonly id: string;
  readonly user: { readonly id: number; readonly name: string };
  readonly peer: Peer;
  readonly inbox: Inbox;
  /** The groups that the user is in. */
  readonly groups: Set<number>;
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

/**
 * The sessions of this node, by user and by group. The node is subscribed to exactly the channels of the users who
 * have a session here and of the groups that they are in.
 */
export class Sessions {
  readonly #bus: Bus;
  readonly #byUser = new Map<number, Session>();
  readonly #byGroup = new Map<number, GroupSessions>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  get(user: number): Session | undefined {
    return this.#byUser.get(user);
  }

  /** The sessions whose users are in a group. */
  inGroup(group: number): Iterable<Session> {
    return this.#byGroup.get(group)?.sessions ?? [];
  }

  all(): Session[] {
    return [...this.#byUser.values()];
  }

  get size(): number {
    return this.#byUser.size;
  }

  /** Takes a session in, at once. Resolves when its user's wake-ups come in. */
  add(session: Session): Promise<void> {
    this.#byUser.set(session.user.id, session);
    return this.#bus.subscribe([userChannel(session.user.id)]);
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
    const left: string[] = [];
    if (this.#byUser.get(session.user.id) === session) {
      this.#byUser.delete(session.user.id);
      left.push(userChannel(session.user.id));
    }
    for (const group of session.groups) {
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
