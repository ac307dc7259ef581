import { groupConv } from "../../protocol/conversation.ts";
import { byKey, Lookup } from "../lookup.ts";
import { NEWEST } from "./log.ts";
import { type Database, padded, placeholders, preparedSize, type Session } from "./database.ts";
import type { FriendRow, GroupLimits, GroupRow, Joined, MemberRow, NewGroup, SocialStore } from "../store.ts";

/** How many users one query is about. Each of them may have a thousand rows. */
const USERS_AT_ONCE = 64;

const GROUP_COLUMNS =
  "allgroup.id, allgroup.groupname AS name, allgroup.groupdesc AS description, mine.grouprole AS role, allgroup.size";

const NEW_PROGRESS = "INSERT INTO progress (userid, conv, joined, delivered, `read`) VALUES (?, ?, ?, ?, ?)";

/** Who has asked to be friends. */
type Asker = Pick<FriendRow, "id" | "name">;

export class MysqlSocial implements SocialStore {
  readonly #db: Database;
  readonly #logins: Database;
  readonly #now: () => number;
  readonly #friends: Lookup<number, readonly FriendRow[]>;
  readonly #requests: Lookup<number, readonly Asker[]>;
  readonly #groups: Lookup<number, readonly GroupRow[]>;

  constructor({ db, logins, now }: { db: Database; logins: Database; now: () => number }) {
    this.#db = db;
    this.#logins = logins;
    this.#now = now;
    const { slots } = logins;
    this.#friends = new Lookup((users) => this.#findFriends(users), { most: USERS_AT_ONCE, slots });
    this.#requests = new Lookup((users) => this.#findRequests(users), { most: USERS_AT_ONCE, slots });
    this.#groups = new Lookup((users) => this.#findGroups(users), { most: USERS_AT_ONCE, slots });
  }

  async friends(user: number): Promise<readonly FriendRow[]> {
    return await this.#friends.get(user) ?? [];
  }

  async requests(user: number): Promise<readonly Asker[]> {
    return await this.#requests.get(user) ?? [];
  }

  async groups(user: number, limit?: number): Promise<readonly GroupRow[]> {
    if (limit === undefined) return await this.#groups.get(user) ?? [];
    // Apart from the others, who have few and do not wait for it. The newest ones are found in the index alone.
    const rows = await this.#db.rows<GroupRow>(
      `SELECT ${GROUP_COLUMNS} FROM
         (SELECT groupid, userid, joined FROM groupuser WHERE userid = ?
           ORDER BY joined DESC, groupid DESC LIMIT ${preparedSize(limit)}) AS newest
         JOIN groupuser AS mine ON mine.groupid = newest.groupid AND mine.userid = newest.userid
         JOIN allgroup ON allgroup.id = newest.groupid
        ORDER BY newest.joined DESC, newest.groupid DESC`,
      [user],
    );
    return rows.slice(0, limit);
  }

  async group(group: number, user: number): Promise<GroupRow | undefined> {
    const [row] = await this.#db.rows<GroupRow>(
      `SELECT ${GROUP_COLUMNS} FROM groupuser AS mine JOIN allgroup ON allgroup.id = mine.groupid
        WHERE mine.groupid = ? AND mine.userid = ?`,
      [group, user],
    );
    return row;
  }

  async members(
    group: number,
    { after, limit }: { after: number; limit: number },
  ): Promise<readonly MemberRow[]> {
    const rows = await this.#db.rows<MemberRow>(
      `SELECT user.id, user.name, theirs.grouprole AS role, theirs.joined, 0 AS muted
         FROM groupuser AS theirs JOIN user ON user.id = theirs.userid
        WHERE theirs.groupid = ? AND theirs.userid > ? ORDER BY theirs.userid LIMIT ${preparedSize(limit)}`,
      [group, after],
    );
    return rows.slice(0, limit);
  }

  /**
   * The only rows that this transaction locks are the new ones, which nobody else knows yet: a node that freezes in the
   * middle of it is in nobody's way.
   */
  async createGroup(group: NewGroup, limits?: GroupLimits): Promise<number | undefined> {
    return await this.#db.transaction(async (tx) => {
      if (limits && await countGroups(tx, group.creator) >= limits.groups) return undefined;
      const now = this.#now();
      const { id } = await tx.run(
        "INSERT INTO allgroup (groupname, groupdesc, created, size) VALUES (?, ?, ?, 1)",
        [
          group.name,
          group.description,
          now,
        ],
      );
      await tx.run("INSERT INTO groupuser (groupid, userid, grouprole, joined) VALUES (?, ?, 'creator', ?)", [
        id,
        group.creator,
        now,
      ]);
      await tx.run("INSERT INTO conversation (conv) VALUES (?)", [groupConv(id)]);
      await tx.run(NEW_PROGRESS, [group.creator, groupConv(id), 0, 0, 0]);
      return id;
    });
  }

  /**
   * The only rows that this transaction locks are the user's own ones in this group: a node that freezes in the middle
   * of it is in the way of nobody but this user, who cannot join this group meanwhile.
   */
  async joinGroup(group: number, user: number, limits?: GroupLimits): Promise<Joined> {
    const conv = groupConv(group);
    const joined = await this.#db.transaction(async (tx): Promise<Joined> => {
      // Everything after this number is the new member's, also what is being committed now.
      const [row] = await tx.rows<{ seq: number }>(
        `SELECT ${NEWEST("conversation")} AS seq FROM conversation WHERE conv = ?`,
        [conv],
      );
      if (!row) return "no_group";
      const refused = limits && await isFull(tx, { group, user, limits });
      if (refused) return refused;
      const { changed } = await tx.run(
        `INSERT INTO groupuser (groupid, userid, grouprole, joined) VALUES (?, ?, 'normal', ?)
         ON DUPLICATE KEY UPDATE groupid = groupid`,
        [group, user, this.#now()],
      );
      if (changed === 0) return "already";
      await tx.run(NEW_PROGRESS, [user, conv, row.seq, row.seq, row.seq]);
      return { joined: row.seq };
    });
    if (typeof joined === "object") await this.#noteSize(group);
    return joined;
  }

  async groupExists(group: number): Promise<boolean> {
    return (await this.#db.rows("SELECT id FROM allgroup WHERE id = ?", [group])).length > 0;
  }

  /**
   * Notes how many members a group has. Not part of the transaction that adds one, which would lock the group's row for
   * everybody; so it may be wrong for a moment when several join at once, and the next one who joins puts it right.
   */
  async #noteSize(group: number): Promise<void> {
    await this.#db.run("UPDATE allgroup SET size = ? WHERE id = ?", [
      await countMembers(this.#db, group),
      group,
    ]);
  }

  async #findFriends(users: readonly number[]): Promise<Map<number, readonly FriendRow[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<FriendRow & { userid: number; since: number }>(
      `SELECT friend.userid, friend.since, user.id, user.name, user.seen
         FROM friend JOIN user ON user.id = friend.friendid
        WHERE friend.userid IN (${placeholders(some.length)})`,
      some,
    );
    return mapped(
      byKey(rows, ({ userid }) => userid),
      (ofUser) =>
        ofUser.sort((a, b) => b.since - a.since || b.id - a.id).map(({ id, name, seen }) => ({
          id,
          name,
          seen,
        })),
    );
  }

  async #findRequests(users: readonly number[]): Promise<Map<number, readonly Asker[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<Asker & { friendid: number }>(
      `SELECT friendrequest.friendid, user.id, user.name
         FROM friendrequest JOIN user ON user.id = friendrequest.userid
        WHERE friendrequest.friendid IN (${placeholders(some.length)})`,
      some,
    );
    const askers = byKey(rows, ({ friendid }) => friendid);
    return mapped(
      askers,
      (ofUser) => ofUser.sort((a, b) => a.id - b.id).map(({ id, name }) => ({ id, name })),
    );
  }

  async #findGroups(users: readonly number[]): Promise<Map<number, readonly GroupRow[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<GroupRow & { userid: number; joined: number }>(
      `SELECT mine.userid, mine.joined, ${GROUP_COLUMNS}
         FROM groupuser AS mine JOIN allgroup ON allgroup.id = mine.groupid
        WHERE mine.userid IN (${placeholders(some.length)})`,
      some,
    );
    return mapped(
      byKey(rows, ({ userid }) => userid),
      (ofUser) =>
        ofUser.sort((a, b) => b.joined - a.joined || b.id - a.id)
          .map(({ userid: _, joined: __, ...group }) => group),
    );
  }
}

/** Why nobody more may join a group, or one user no more groups. Who is in it already is refused for that. */
async function isFull(
  session: Session,
  { group, user, limits }: { group: number; user: number; limits: GroupLimits },
): Promise<"group_full" | "groups_full" | undefined> {
  const full = await countMembers(session, group) >= limits.members
    ? "group_full"
    : await countGroups(session, user) >= limits.groups
    ? "groups_full"
    : undefined;
  if (full === undefined) return undefined;
  const member = "SELECT userid FROM groupuser WHERE groupid = ? AND userid = ?";
  return (await session.rows(member, [group, user])).length > 0 ? undefined : full;
}

async function countMembers(session: Pick<Session, "rows">, group: number): Promise<number> {
  const count = "SELECT COUNT(*) AS count FROM groupuser WHERE groupid = ?";
  return (await session.rows<{ count: number }>(count, [group]))[0]!.count;
}

async function countGroups(session: Pick<Session, "rows">, user: number): Promise<number> {
  const count = "SELECT COUNT(*) AS count FROM groupuser WHERE userid = ?";
  return (await session.rows<{ count: number }>(count, [user]))[0]!.count;
}

function mapped<Key, A, B>(map: ReadonlyMap<Key, A>, change: (value: A) => B): Map<Key, B> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
