import { groupConv } from "../../protocol/conversation.ts";
import { groupRows, type MemberRow } from "../group_rows.ts";
import { NEWEST } from "./log.ts";
import type { Database } from "./database.ts";
import type { GroupRow, SocialStore } from "../store.ts";

const NEW_PROGRESS = "INSERT INTO progress (userid, conv, joined, delivered, `read`) VALUES (?, ?, ?, ?, ?)";

export class MysqlSocial implements SocialStore {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  async friends(user: number): Promise<{ id: number; name: string }[]> {
    return await this.#db.rows(
      `SELECT user.id, user.name FROM friend JOIN user ON user.id = friend.friendid
        WHERE friend.userid = ? ORDER BY friend.since, user.id`,
      [user],
    );
  }

  async groups(user: number): Promise<GroupRow[]> {
    return groupRows(
      await this.#db.rows<MemberRow>(
        `SELECT mine.groupid, allgroup.groupname, allgroup.groupdesc, user.id, user.name, theirs.grouprole AS role
           FROM groupuser AS mine
           JOIN allgroup ON allgroup.id = mine.groupid
           JOIN groupuser AS theirs ON theirs.groupid = mine.groupid
           JOIN user ON user.id = theirs.userid
          WHERE mine.userid = ?
          ORDER BY mine.joined, mine.groupid, theirs.joined, user.id`,
        [user],
      ),
    );
  }

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
}
