import type { DatabaseSync } from "node:sqlite";
import { groupConv } from "../protocol/conversation.ts";
import { groupRows, type MemberRow } from "./group_rows.ts";
import { Statement, transaction } from "./sqlite_statements.ts";
import type { GroupRow, SocialStore } from "./store.ts";

export class SqliteSocial implements SocialStore {
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  readonly #friends: Statement<{ id: number; name: string }>;
  readonly #members: Statement<MemberRow>;
  readonly #newGroup: Statement<never>;
  readonly #newMember: Statement<never>;
  readonly #newConversation: Statement<never>;
  readonly #newProgress: Statement<never>;
  readonly #group: Statement<{ seq: number }>;

  constructor(db: DatabaseSync, now: () => number) {
    this.#db = db;
    this.#now = now;
    this.#friends = new Statement(
      db,
      `SELECT user.id, user.name FROM friend JOIN user ON user.id = friend.friendid
        WHERE friend.userid = ? ORDER BY friend.since, user.id`,
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
    this.#newGroup = new Statement(
      db,
      "INSERT INTO allgroup (groupname, groupdesc, created) VALUES (?, ?, ?)",
    );
    this.#newMember = new Statement(
      db,
      `INSERT INTO groupuser (groupid, userid, grouprole, joined) VALUES (?, ?, ?, ?)
       ON CONFLICT (groupid, userid) DO NOTHING`,
    );
    this.#newConversation = new Statement(db, "INSERT INTO conversation (conv, seq) VALUES (?, 0)");
    this.#newProgress = new Statement(
      db,
      'INSERT INTO progress (userid, conv, joined, delivered, "read") VALUES (?1, ?2, ?3, ?3, ?3)',
    );
    this.#group = new Statement(db, "SELECT seq FROM conversation WHERE conv = ?");
  }

  async friends(user: number): Promise<{ id: number; name: string }[]> {
    return await this.#friends.all(user);
  }

  async groups(user: number): Promise<GroupRow[]> {
    return await groupRows(this.#members.all(user));
  }

  async createGroup(group: { name: string; description: string; creator: number }): Promise<number> {
    return await transaction(this.#db, () => {
      const now = this.#now();
      const id = this.#newGroup.insert(group.name, group.description, now);
      this.#newMember.run(id, group.creator, "creator", now);
      this.#newConversation.run(groupConv(id));
      this.#newProgress.run(group.creator, groupConv(id), 0);
      return id;
    });
  }

  async joinGroup(group: number, user: number): Promise<{ joined: number } | "no_group" | "already"> {
    return await transaction(this.#db, () => {
      const conversation = this.#group.get(groupConv(group));
      if (!conversation) return "no_group";
      if (this.#newMember.run(group, user, "normal", this.#now()) === 0) return "already";
      this.#newProgress.run(user, groupConv(group), conversation.seq);
      return { joined: conversation.seq };
    });
  }

  async groupExists(group: number): Promise<boolean> {
    return await this.#group.get(groupConv(group)) !== undefined;
  }
}
