import type { DatabaseSync } from "node:sqlite";
import { groupRows, type MemberRow } from "../group_rows.ts";
import { Statement } from "./statements.ts";
import type { Writes } from "./writes.ts";
import type { GroupRow, SocialStore } from "../store.ts";

export class SqliteSocial implements SocialStore {
  readonly #writes: Writes;
  readonly #now: () => number;
  readonly #friends: Statement<{ id: number; name: string }>;
  readonly #requests: Statement<{ id: number; name: string }>;
  readonly #members: Statement<MemberRow>;
  readonly #group: Statement<{ id: number }>;

  constructor(db: DatabaseSync, options: { writes: Writes; now: () => number }) {
    this.#writes = options.writes;
    this.#now = options.now;
    this.#friends = new Statement(
      db,
      `SELECT user.id, user.name FROM friend JOIN user ON user.id = friend.friendid
        WHERE friend.userid = ? ORDER BY friend.since, user.id`,
    );
    this.#requests = new Statement(
      db,
      `SELECT user.id, user.name FROM friendrequest JOIN user ON user.id = friendrequest.userid
        WHERE friendrequest.friendid = ? ORDER BY user.id`,
    );
    this.#members = new Statement(
      db,
      `SELECT mine.groupid, allgroup.groupname, allgroup.groupdesc, user.id, user.name, theirs.grouprole AS role
         FROM groupuser AS mine
         JOIN allgroup ON allgroup.id = mine.groupid
         JOIN groupuser AS theirs ON theirs.groupid = mine.groupid
         JOIN user ON user.id = theirs.userid
        WHERE mine.userid = ?
        ORDER BY mine.joined, mine.groupid, theirs.joined, user.id`,
    );
    this.#group = new Statement(db, "SELECT id FROM allgroup WHERE id = ?");
  }

  async friends(user: number): Promise<{ id: number; name: string }[]> {
    return await this.#friends.all(user);
  }

  async requests(user: number): Promise<{ id: number; name: string }[]> {
    return await this.#requests.all(user);
  }

  async groups(user: number): Promise<GroupRow[]> {
    return await groupRows(this.#members.all(user));
  }

  createGroup(group: { name: string; description: string; creator: number }): Promise<number> {
    return this.#writes.call("createGroup", { ...group, now: this.#now() });
  }

  joinGroup(group: number, user: number): Promise<{ joined: number } | "no_group" | "already"> {
    return this.#writes.call("joinGroup", { group, user, now: this.#now() });
  }

  async groupExists(group: number): Promise<boolean> {
    return await this.#group.get(group) !== undefined;
  }
}
