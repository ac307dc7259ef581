import { groupConv } from "../protocol/conversation.ts";
import type { Inbox } from "./inbox.ts";
import type { Peer } from "./peer.ts";

/** One user, logged in over one connection. */
export interface Session {
  readonly user: { readonly id: number; readonly name: string };
  readonly peer: Peer;
  readonly inbox: Inbox;
  /** The groups that the user is in. */
  readonly groups: Set<number>;
  /** True once the session has ended: logged out, taken over, or its connection closed. */
  ended: boolean;
}

/** The sessions of this node, by user and by group. */
export class Sessions {
  readonly #byUser = new Map<number, Session>();
  readonly #byGroup = new Map<number, Set<Session>>();

  get(user: number): Session | undefined {
    return this.#byUser.get(user);
  }

  /** The sessions whose users are in a group. */
  inGroup(group: number): Iterable<Session> {
    return this.#byGroup.get(group) ?? [];
  }

  all(): Iterable<Session> {
    return this.#byUser.values();
  }

  get size(): number {
    return this.#byUser.size;
  }

  add(session: Session): void {
    this.#byUser.set(session.user.id, session);
  }

  /** From now on the session sees what is said in the group after `seq`. */
  enterGroup(session: Session, entry: { group: number; seq?: number }): void {
    if (session.ended) return;
    session.groups.add(entry.group);
    if (entry.seq !== undefined) session.inbox.enter(groupConv(entry.group), entry.seq);
    const sessions = this.#byGroup.get(entry.group);
    if (sessions) sessions.add(session);
    else this.#byGroup.set(entry.group, new Set([session]));
  }

  /** Ends a session; again is fine. Its connection stays as it is. */
  remove(session: Session): void {
    if (session.ended) return;
    session.ended = true;
    session.inbox.close();
    if (this.#byUser.get(session.user.id) === session) this.#byUser.delete(session.user.id);
    for (const group of session.groups) {
      const sessions = this.#byGroup.get(group);
      sessions?.delete(session);
      if (sessions?.size === 0) this.#byGroup.delete(group);
    }
  }
}
