import { groupConv, pairConv } from "../protocol/conversation.ts";
import type { Friend, Group, Progress, State } from "../protocol/messages.ts";
import type { GroupRow, Store } from "../stores/store.ts";
import type { Session, Sessions } from "./sessions.ts";

/** What the answer to a login shows of each, at most: so it stays below 1 MiB, however long the names are. */
export const SHOWN = { friends: 500, groups: 500, conversations: 1000 } as const;
/** Members that a v1 answer shows of one group, and of all, at most. v2 clients ask for them. */
const V1_MEMBERS = { each: 200, all: 500 } as const;

/** What a client sees of its account when it logs in. */
export interface Overview {
  readonly friends: readonly Friend[];
  readonly groups: readonly Group[];
  readonly conversations: readonly Progress[];
  /** Whether there are others of any of them. */
  readonly more: boolean;
  /** All friends who are online, shown or not. */
  readonly online: ReadonlyMap<number, { readonly name: string }>;
}

/** Reads what a login shows. It costs in proportion to that, however many groups and conversations there are. */
export class Overviews {
  readonly #store: Pick<Store, "social" | "leases" | "log">;
  readonly #sessions: Pick<Sessions, "enterGroups">;

  constructor(store: Pick<Store, "social" | "leases" | "log">, sessions: Pick<Sessions, "enterGroups">) {
    this.#store = store;
    this.#sessions = sessions;
  }

  /**
   * What a session's client is shown: v2 the newest first, v1 the oldest first, which is the order that these programs
   * have always been given. The session takes part in the groups that are read here: all of them, unless `more`.
   */
  async read(session: Session): Promise<Overview> {
    const { user: { id: user }, device, peer: { generation } } = session;
    const { social, leases, log } = this.#store;
    const [friendRows, isLarge] = await Promise.all([
      social.friends(user),
      log.hasMoreThan(user, SHOWN.conversations),
    ]);
    const groupRows = await (isLarge ? social.groups(user, SHOWN.groups + 1) : social.groups(user));
    // Before the newest numbers are read, so that nothing that is said in a group falls in between.
    await this.#sessions.enterGroups(session, groupRows.map(({ id }) => id));
    const shown = groupRows.slice(0, SHOWN.groups);
    const [online, groups] = await Promise.all([
      leases.online(friendRows.map(({ id }) => id)),
      generation === 1 ? this.#withMembers(shown) : shown.map((row) => groupOf(row)),
    ]);
    const friends = friendRows.map(({ id, name, seen }) => ({ id, name, state: stateOf(online, id), seen }));
    const shownFriends = generation === 1 ? onlineFirst(friends) : friends.slice(0, SHOWN.friends);
    const conversations = isLarge
      ? await log.conversationsOf({ user, device }, [
        ...shown.map(({ id }) => groupConv(id)),
        ...shownFriends.map(({ id }) => pairConv(user, id)),
      ])
      : await log.conversations(user, device);
    const inOrder = <T>(newestFirst: readonly T[]) =>
      generation === 1 ? newestFirst.toReversed() : newestFirst;
    return {
      friends: inOrder(shownFriends),
      groups: inOrder(groups),
      conversations,
      more: isLarge || groupRows.length > shown.length || friends.length > shownFriends.length,
      online: new Map(
        friends.filter(({ state }) => state === "online").map(({ id, name }) => [id, { name }]),
      ),
    };
  }

  /** Groups with their members, for as long as there is room. */
  async #withMembers(rows: readonly GroupRow[]): Promise<Group[]> {
    const { social, leases } = this.#store;
    const found: { group: GroupRow; members: Awaited<ReturnType<typeof social.members>> }[] = [];
    let room: number = V1_MEMBERS.all;
    for (const group of rows) {
      const limit = Math.min(room, V1_MEMBERS.each);
      const members = limit > 0 ? await social.members(group.id, { after: 0, limit }) : [];
      room -= members.length;
      found.push({ group, members });
    }
    const ids = new Set(found.flatMap(({ members }) => members.map(({ id }) => id)));
    const online = await leases.online([...ids]);
    return found.map(({ group, members }) => ({
      ...groupOf(group),
      members: members.map(({ id, name, role }) => ({ id, name, state: stateOf(online, id), role })),
    }));
  }
}

export const stateOf = (online: ReadonlySet<number>, id: number): State =>
  online.has(id) ? "online" : "offline";

/** As many as are shown, those who are online before others; in their order. */
function onlineFirst(friends: readonly Friend[]): Friend[] {
  const byState = friends.toSorted((a, b) => Number(b.state === "online") - Number(a.state === "online"));
  const shown = new Set(byState.slice(0, SHOWN.friends));
  return friends.filter((friend) => shown.has(friend));
}

const groupOf = ({ id, name, description, role, size }: GroupRow): Group => ({
  id,
  groupname: name,
  groupdesc: description,
  role,
  size,
});
