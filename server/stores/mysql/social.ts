import { groupConv } from "../../protocol/conversation.ts";
import type { Role } from "../../protocol/messages.ts";
import { byKey, Lookup } from "../lookup.ts";
import { NEWEST } from "./log.ts";
import { type Database, padded, placeholders } from "./database.ts";
import type { GroupRow, SocialStore } from "../store.ts";

/** How many users, or groups, one query is about. Each of them may have a thousand rows. */
const USERS_AT_ONCE = 64;
const GROUPS_AT_ONCE = 64;

interface Person {
  readonly id: number;
  readonly name: string;
}

interface Member extends Person {
  readonly role: Role;
}

interface GroupOf {
  readonly groupid: number;
  readonly groupname: string;
  readonly groupdesc: string;
}

const NEW_PROGRESS = "INSERT INTO progress (userid, conv, joined, delivered, `read`) VALUES (?, ?, ?, ?, ?)";

export class MysqlSocial implements SocialStore {
  readonly #db: Database;
  readonly #logins: Database;
  readonly #now: () => number;
  readonly #friends: Lookup<number, readonly Person[]>;
  readonly #requests: Lookup<number, readonly Person[]>;
  readonly #groups: Lookup<number, readonly GroupOf[]>;
  readonly #members: Lookup<number, readonly Member[]>;

  constructor({ db, logins, now }: { db: Database; logins: Database; now: () => number }) {
    this.#db = db;
    this.#logins = logins;
    this.#now = now;
    const { slots } = logins;
    this.#friends = new Lookup((users) => this.#findFriends(users), { most: USERS_AT_ONCE, slots });
    this.#requests = new Lookup((users) => this.#findRequests(users), { most: USERS_AT_ONCE, slots });
    this.#groups = new Lookup((users) => this.#findGroups(users), { most: USERS_AT_ONCE, slots });
    this.#members = new Lookup((groups) => this.#findMembers(groups), { most: GROUPS_AT_ONCE, slots });
  }

  async friends(user: number): Promise<readonly Person[]> {
    return await this.#friends.get(user) ?? [];
  }

  async requests(user: number): Promise<readonly Person[]> {
    return await this.#requests.get(user) ?? [];
  }

  async groups(user: number): Promise<GroupRow[]> {
    const groups = await this.#groups.get(user) ?? [];
    return await Promise.all(groups.map(async ({ groupid, groupname, groupdesc }) => ({
      id: groupid,
      name: groupname,
      description: groupdesc,
      members: await this.#members.get(groupid) ?? [],
    })));
  }

  /**
   * The only rows that this transaction locks are the new ones, which nobody else knows yet: a node that freezes in the
   * middle of it is in nobody's way.
   */
  async createGroup(group: { name: string; description: string; creator: number }): Promise<number> {
    return await this.#db.transaction(async (tx) => {
      const now = this.#now();
      const { id } = await tx.run("INSERT INTO allgroup (groupname, groupdesc, created) VALUES (?, ?, ?)", [
        group.name,
        group.description,
        now,
      ]);
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
  async joinGroup(group: number, user: number): Promise<{ joined: number } | "no_group" | "already"> {
    return await this.#db.transaction(async (tx) => {
      const conv = groupConv(group);
      // Everything after this number is the new member's, also what is being committed now.
      const [row] = await tx.rows<{ seq: number }>(
        `SELECT ${NEWEST("conversation")} AS seq FROM conversation WHERE conv = ?`,
        [conv],
      );
      if (!row) return "no_group";
      const { changed } = await tx.run(
        `INSERT INTO groupuser (groupid, userid, grouprole, joined) VALUES (?, ?, 'normal', ?)
         ON DUPLICATE KEY UPDATE groupid = groupid`,
        [group, user, this.#now()],
      );
      if (changed === 0) return "already";
      await tx.run(NEW_PROGRESS, [user, conv, row.seq, row.seq, row.seq]);
      return { joined: row.seq };
    });
  }

  async groupExists(group: number): Promise<boolean> {
    return (await this.#db.rows("SELECT id FROM allgroup WHERE id = ?", [group])).length > 0;
  }

  async #findFriends(users: readonly number[]): Promise<Map<number, readonly Person[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<Person & { userid: number; since: number }>(
      `SELECT friend.userid, friend.since, user.id, user.name FROM friend JOIN user ON user.id = friend.friendid
        WHERE friend.userid IN (${placeholders(some.length)})`,
      some,
    );
    const friends = byKey(rows, ({ userid }) => userid);
    return mapped(
      friends,
      (ofUser) =>
        ofUser.sort((a, b) => a.since - b.since || a.id - b.id).map(({ id, name }) => ({ id, name })),
    );
  }

  async #findRequests(users: readonly number[]): Promise<Map<number, readonly Person[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<Person & { friendid: number }>(
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

  /** Without members: those of a group that several users are in are read once. */
  async #findGroups(users: readonly number[]): Promise<Map<number, readonly GroupOf[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<GroupOf & { userid: number; joined: number }>(
      `SELECT mine.userid, mine.groupid, mine.joined, allgroup.groupname, allgroup.groupdesc
         FROM groupuser AS mine JOIN allgroup ON allgroup.id = mine.groupid
        WHERE mine.userid IN (${placeholders(some.length)})`,
      some,
    );
    const groups = byKey(rows, ({ userid }) => userid);
    return mapped(groups, (ofUser) => ofUser.sort((a, b) => a.joined - b.joined || a.groupid - b.groupid));
  }

  async #findMembers(groups: readonly number[]): Promise<Map<number, readonly Member[]>> {
    const some = padded(groups);
    const rows = await this.#logins.rows<Member & { groupid: number; joined: number }>(
      `SELECT theirs.groupid, theirs.joined, user.id, user.name, theirs.grouprole AS role
         FROM groupuser AS theirs JOIN user ON user.id = theirs.userid
        WHERE theirs.groupid IN (${placeholders(some.length)})`,
      some,
    );
    const members = byKey(rows, ({ groupid }) => groupid);
    return mapped(members, (ofGroup) =>
      ofGroup.sort((a, b) => a.joined - b.joined || a.id - b.id)
        .map(({ id, name, role }) => ({ id, name, role })));
  }
}

function mapped<Key, A, B>(map: ReadonlyMap<Key, A>, change: (value: A) => B): Map<Key, B> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
