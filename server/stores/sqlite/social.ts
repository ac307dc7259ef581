import type { DatabaseSync } from "node:sqlite";
import { Statement } from "./statements.ts";
import type { Writes } from "./writes.ts";
import type { FriendRow, GroupLimits, GroupRow, Joined, MemberRow, NewGroup, SocialStore } from "../store.ts";

const GROUP_COLUMNS =
  `allgroup.id, allgroup.groupname AS name, allgroup.groupdesc AS description, mine.grouprole AS role, allgroup.size`;
/** As SQLite says it. */
const NO_LIMIT = -1;

export class SqliteSocial implements SocialStore {
  readonly #writes: Writes;
  readonly #now: () => number;
  readonly #friends: Statement<FriendRow>;
  readonly #requests: Statement<{ id: number; name: string }>;
  readonly #groups: Statement<GroupRow>;
  readonly #group: Statement<GroupRow>;
  readonly #members: Statement<MemberRow>;
  readonly #exists: Statement<{ id: number }>;

  constructor(db: DatabaseSync, options: { writes: Writes; now: () => number }) {
    this.#writes = options.writes;
    this.#now = options.now;
    this.#friends = new Statement(
      db,
      `SELECT user.id, user.name, user.seen FROM friend JOIN user ON user.id = friend.friendid
        WHERE friend.userid = ? ORDER BY friend.since DESC, user.id DESC`,
    );
    this.#groups = new Statement(
      db,
      `SELECT ${GROUP_COLUMNS} FROM groupuser AS mine JOIN allgroup ON allgroup.id = mine.groupid
        WHERE mine.userid = ? ORDER BY mine.joined DESC, mine.groupid DESC LIMIT ?`,
    );
    this.#group = new Statement(
      db,
      `SELECT ${GROUP_COLUMNS} FROM groupuser AS mine JOIN allgroup ON allgroup.id = mine.groupid
        WHERE mine.groupid = ? AND mine.userid = ?`,
    );
    this.#requests = new Statement(
      db,
      `SELECT user.id, user.name FROM friendrequest JOIN user ON user.id = friendrequest.userid
        WHERE friendrequest.friendid = ? ORDER BY user.id`,
    );
    this.#members = new Statement(
      db,
      `SELECT user.id, user.name, theirs.grouprole AS role, theirs.joined, 0 AS muted
         FROM groupuser AS theirs JOIN user ON user.id = theirs.userid
        WHERE theirs.groupid = ? AND theirs.userid > ? ORDER BY theirs.userid LIMIT ?`,
    );
    this.#exists = new Statement(db, "SELECT id FROM allgroup WHERE id = ?");
  }

  // `async` turns what the synchronous driver throws into rejections.
  async friends(user: number): Promise<FriendRow[]> {
    return await this.#friends.all(user);
  }

  async requests(user: number): Promise<{ id: number; name: string }[]> {
    return await this.#requests.all(user);
  }

  async groups(user: number, limit = NO_LIMIT): Promise<GroupRow[]> {
    return await this.#groups.all(user, limit);
  }

  async group(group: number, user: number): Promise<GroupRow | undefined> {
    return await this.#group.get(group, user);
  }

  async members(group: number, { after, limit }: { after: number; limit: number }): Promise<MemberRow[]> {
    return await this.#members.all(group, after, limit);
  }

  createGroup(group: NewGroup, limits?: GroupLimits): Promise<number | undefined> {
    return this.#writes.call("createGroup", { ...group, now: this.#now(), ...limits && { limits } });
  }

  joinGroup(group: number, user: number, limits?: GroupLimits): Promise<Joined> {
    return this.#writes.call("joinGroup", { group, user, now: this.#now(), ...limits && { limits } });
  }

  async groupExists(group: number): Promise<boolean> {
    return await this.#exists.get(group) !== undefined;
  }
}
