import type { DatabaseSync } from "node:sqlite";
import { groupConv } from "../../protocol/conversation.ts";
import {
  type CursorMove,
  type DeviceRow,
  type GroupLimits,
  type Joined,
  MAX_TOKENS,
  type NewGroup,
  type NewToken,
  StoreUnavailable,
  type UserDevice,
} from "../store.ts";
import { SqliteAppend } from "./append.ts";
import { setBusyTimeout } from "./connection.ts";
import { DeviceWriter } from "./device_writer.ts";
import { Indexing } from "./indexing.ts";
import { Statement, Transactions } from "./statements.ts";
import type { Batch, Outcome, Report, WriteCalls } from "./writes.ts";

/** The log file is emptied once in so long, in ms: it means syncing the database file. */
const EMPTY_INTERVAL = 10_000;

/** Everything that changes the database, on one connection. */
export class SqliteWriter implements WriteCalls {
  readonly #db: DatabaseSync;
  readonly #transactions: Transactions;
  readonly #append: SqliteAppend;
  readonly #devices: DeviceWriter;
  readonly #indexing: Indexing;
  readonly #newUser: Statement<{ id: number }>;
  readonly #setSeen: Statement<never>;
  readonly #setPassword: Statement<never>;
  readonly #addToken: Statement<never>;
  readonly #trimTokens: Statement<never>;
  readonly #newGroup: Statement<never>;
  readonly #newMember: Statement<never>;
  readonly #newConversation: Statement<never>;
  readonly #newProgress: Statement<never>;
  readonly #group: Statement<{ seq: number; size: number }>;
  readonly #groupCount: Statement<{ count: number }>;
  readonly #isMember: Statement<{ userid: number }>;
  readonly #move: Statement<never>;
  readonly #moveDevice: Statement<never>;
  readonly #renameLog: Statement<never>;
  readonly #checkpoint: Statement<{ busy: number }>;
  /** Whether the log file may hold texts that were erased: an earlier process may have left some. */
  #mustEmptyLog = true;
  #emptied = -Infinity;

  constructor(db: DatabaseSync, options: { report: (report: Report) => void }) {
    this.#db = db;
    this.#transactions = new Transactions(db);
    this.#append = new SqliteAppend(db, options);
    this.#devices = new DeviceWriter(db, this.#transactions);
    this.#indexing = new Indexing(db, options);
    this.#newUser = new Statement(
      db,
      `INSERT INTO user (name, password, skeleton, created) VALUES (?, ?, ?, ?)
       ON CONFLICT DO NOTHING RETURNING id`,
    );
    this.#setSeen = new Statement(db, "UPDATE user SET seen = max(seen, ?) WHERE id = ?");
    this.#setPassword = new Statement(db, "UPDATE user SET password = ? WHERE id = ?");
    this.#addToken = new Statement(
      db,
      "INSERT INTO token (hash, userid, device, expires) VALUES (?, ?, ?, ?)",
    );
    this.#trimTokens = new Statement(
      db,
      `DELETE FROM token WHERE userid = ?1 AND device = ?2 AND (expires <= ?3 OR hash NOT IN
         (SELECT hash FROM token WHERE userid = ?1 AND device = ?2 ORDER BY expires DESC LIMIT ?4))`,
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
    this.#group = new Statement(
      db,
      `SELECT conversation.seq, allgroup.size FROM conversation, allgroup
        WHERE conversation.conv = ? AND allgroup.id = ?`,
    );
    this.#groupCount = new Statement(db, "SELECT count(*) AS count FROM groupuser WHERE userid = ?");
    this.#isMember = new Statement(db, "SELECT userid FROM groupuser WHERE groupid = ? AND userid = ?");
    this.#move = new Statement(
      db,
      `UPDATE progress SET delivered = max(progress.delivered, min(?, conversation.seq)),
                           "read" = max(progress."read", min(?, conversation.seq))
         FROM conversation
        WHERE progress.userid = ? AND progress.conv = ? AND conversation.conv = progress.conv`,
    );
    this.#moveDevice = new Statement(
      db,
      `INSERT INTO deviceprogress (userid, device, conv, delivered)
       SELECT device.userid, device.device, progress.conv, min(?1, conversation.seq)
         FROM device
         JOIN progress ON progress.userid = device.userid AND progress.conv = ?4
         JOIN conversation ON conversation.conv = progress.conv
        WHERE device.userid = ?2 AND device.device = ?3
       ON CONFLICT (userid, device, conv) DO UPDATE SET delivered = max(delivered, excluded.delivered)`,
    );
    this.#checkpoint = new Statement(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    this.#renameLog = new Statement(db, "UPDATE cluster SET log = ? WHERE log = ?");
  }

  commit(batch: Batch): Outcome[] {
    return this.#append.commit(batch);
  }

  createUser(
    { name, password, skeleton, now }: { name: string; password: string; skeleton?: string; now: number },
  ): number | undefined {
    return this.#newUser.get(name, password, skeleton ?? null, now)?.id;
  }

  setPassword({ user, password }: { user: number; password: string }): void {
    this.#setPassword.run(password, user);
  }

  addToken({ token, now }: { token: NewToken; now: number }): void {
    this.#transactions.run(() => {
      this.#addToken.run(token.hash, token.user, token.device, token.expires);
      this.#trimTokens.run(token.user, token.device, now, MAX_TOKENS);
    });
  }

  removeTokens(owner: UserDevice): void {
    this.#devices.removeTokens(owner);
  }

  enterDevice(device: UserDevice & DeviceRow): boolean {
    return this.#devices.enter(device);
  }

  leaveDevice(device: UserDevice & Pick<DeviceRow, "seen">): void {
    this.#devices.leave(device);
  }

  forgetDevice(device: UserDevice): void {
    this.#devices.forget(device);
  }

  setSeen(users: readonly { user: number; seen: number }[]): void {
    this.#transactions.run(() => {
      for (const { user, seen } of users) this.#setSeen.run(seen, user);
    });
  }

  createGroup(
    { name, description, creator, now, limits }: NewGroup & { now: number; limits?: GroupLimits },
  ): number | undefined {
    return this.#transactions.run(() => {
      if (this.#hasAllGroups(creator, limits)) return undefined;
      const id = this.#newGroup.insert(name, description, now);
      this.#newMember.run(id, creator, "creator", now);
      this.#newConversation.run(groupConv(id));
      this.#newProgress.run(creator, groupConv(id), 0);
      return id;
    });
  }

  joinGroup(
    { group, user, now, limits }: { group: number; user: number; now: number; limits?: GroupLimits },
  ): Joined {
    return this.#transactions.run(() => {
      const found = this.#group.get(groupConv(group), group);
      if (!found) return "no_group";
      const isFull = limits !== undefined && found.size >= limits.members;
      const hasAll = this.#hasAllGroups(user, limits);
      if ((isFull || hasAll) && !this.#isMember.get(group, user)) {
        return isFull ? "group_full" : "groups_full";
      }
      if (this.#newMember.run(group, user, "normal", now) === 0) return "already";
      this.#newProgress.run(user, groupConv(group), found.seq);
      return { joined: found.seq };
    });
  }

  moveCursors(moves: readonly CursorMove[]): void {
    if (moves.length === 0) return;
    this.#transactions.run(() => {
      for (const { user, device, conv, delivered = 0, read = 0 } of moves) {
        if (device !== "") this.#moveDevice.run(delivered, user, device, conv);
        // What was read is the user's, whatever the device.
        if (device === "" || read > 0) this.#move.run(device === "" ? delivered : 0, read, user, conv);
      }
    });
  }

  renameLog({ old, log }: { old: string; log: string }): void {
    this.#renameLog.run(log, old);
  }

  /**
   * Files messages if there are enough of them, or with `all`, and empties the log file if there are erased texts in it;
   * nobody should wait for it.
   */
  tidy({ all }: { all: boolean }): "filed" | "waits" | "fails" {
    const { filing } = this.#append;
    if ((all || filing.isFull) && !filing.file()) return "fails";
    if (this.#append.takeErased()) this.#mustEmptyLog = true;
    if (all && this.#mustEmptyLog && performance.now() - this.#emptied > EMPTY_INTERVAL) this.#emptyLog();
    return filing.isEmpty && !this.#mustEmptyLog ? "filed" : "waits";
  }

  /**
   * Brings what the log file (WAL) holds into the database file and cuts it to nothing. Somebody who reads it just now is
   * not waited for.
   */
  #emptyLog(): void {
    this.#emptied = performance.now();
    setBusyTimeout(this.#db, 0);
    try {
      this.#mustEmptyLog = this.#checkpoint.get()?.busy !== 0;
    } catch (error) {
      // A full disk, for instance: it is tried again.
      if (!(error instanceof StoreUnavailable)) throw error;
    } finally {
      setBusyTimeout(this.#db);
    }
  }

  /** Puts some texts into the index of the search; nobody should wait for it. */
  index(): "done" | "more" | "fails" {
    return this.#indexing.slice();
  }

  close(): void {
    this.#db.close();
  }

  #hasAllGroups(user: number, limits: GroupLimits | undefined): boolean {
    return limits !== undefined && this.#groupCount.get(user)!.count >= limits.groups;
  }
}
