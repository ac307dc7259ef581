import type { DatabaseSync } from "node:sqlite";
import type { Kind, LogMessage, Progress } from "../protocol/messages.ts";
import { Statement, transaction } from "./sqlite_statements.ts";
import type { Appended, CursorMove, LogStore, NewMessage, Page } from "./store.ts";

interface MessageRow {
  conv: string;
  seq: number;
  kind: Kind;
  sender: number;
  senderName: string;
  mid: string | null;
  body: string;
  at: number;
}

const MESSAGE = `SELECT message.conv, message.seq, message.kind, message.sender, user.name AS senderName,
    message.mid, message.body, message.at FROM message JOIN user ON user.id = message.sender`;

export class SqliteLog {
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  readonly #seq: Statement<{ seq: number }>;
  readonly #setSeq: Statement<never>;
  readonly #newConversation: Statement<never>;
  readonly #newProgress: Statement<never>;
  readonly #user: Statement<{ id: number }>;
  readonly #insert: Statement<never>;
  readonly #byMid: Statement<MessageRow>;
  readonly #isFriend: Statement<{ userid: number }>;
  readonly #befriend: Statement<never>;
  readonly #ask: Statement<never>;
  readonly #answer: Statement<never>;
  readonly #after: Statement<MessageRow>;
  readonly #before: Statement<MessageRow>;
  readonly #conversations: Statement<Progress>;
  readonly #behind: Statement<{ conv: string; seq: number }>;
  readonly #membership: Statement<{ joined: number }>;
  readonly #move: Statement<never>;

  constructor(db: DatabaseSync, now: () => number) {
    this.#db = db;
    this.#now = now;
    this.#seq = new Statement(db, "SELECT seq FROM conversation WHERE conv = ?");
    this.#setSeq = new Statement(db, "UPDATE conversation SET seq = ? WHERE conv = ?");
    this.#newConversation = new Statement(db, "INSERT INTO conversation (conv, seq) VALUES (?, 0)");
    this.#newProgress = new Statement(
      db,
      `INSERT INTO progress (userid, conv, joined, delivered, "read") VALUES (?, ?, 0, 0, 0)
       ON CONFLICT (userid, conv) DO NOTHING`,
    );
    this.#user = new Statement(db, "SELECT id FROM user WHERE id = ?");
    this.#insert = new Statement(
      db,
      `INSERT INTO message (conv, seq, sender, mid, kind, body, at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (sender, mid) WHERE mid IS NOT NULL DO NOTHING`,
    );
    this.#byMid = new Statement(db, `${MESSAGE} WHERE message.sender = ? AND message.mid = ?`);
    this.#isFriend = new Statement(db, "SELECT userid FROM friend WHERE userid = ? AND friendid = ?");
    this.#befriend = new Statement(
      db,
      "INSERT INTO friend (userid, friendid, since) VALUES (?1, ?2, ?3), (?2, ?1, ?3) ON CONFLICT DO NOTHING",
    );
    this.#ask = new Statement(
      db,
      "INSERT INTO friendrequest (userid, friendid) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#answer = new Statement(db, "DELETE FROM friendrequest WHERE userid = ? AND friendid = ?");
    this.#after = new Statement(
      db,
      `${MESSAGE} WHERE message.conv = ? AND message.seq > ? ORDER BY message.seq LIMIT ?`,
    );
    this.#before = new Statement(
      db,
      `${MESSAGE} WHERE message.conv = ? AND message.seq < ? ORDER BY message.seq DESC LIMIT ?`,
    );
    this.#conversations = new Statement(
      db,
      `SELECT progress.conv, conversation.seq, progress.delivered, progress."read"
         FROM progress JOIN conversation ON conversation.conv = progress.conv
        WHERE progress.userid = ? ORDER BY progress.conv`,
    );
    this.#behind = new Statement(
      db,
      `SELECT progress.conv, conversation.seq FROM progress JOIN conversation ON conversation.conv = progress.conv
        WHERE progress.userid = ? AND conversation.seq > progress.delivered`,
    );
    this.#membership = new Statement(db, "SELECT joined FROM progress WHERE userid = ? AND conv = ?");
    this.#move = new Statement(
      db,
      `UPDATE progress SET delivered = max(delivered, ?), "read" = max("read", ?) WHERE userid = ? AND conv = ?`,
    );
  }

  /** The port, with `append` gathering into {@linkcode commit}. */
  port(append: (message: NewMessage) => Promise<Appended>): LogStore {
    return {
      append,
      read: async (page) => await this.#read(page),
      conversations: async (user) => await this.#conversations.all(user),
      membership: async (conv, user) => await this.#membership.get(user, conv),
      behind: async (users) =>
        await users.flatMap((user) =>
          this.#behind.all(user).map((row) => ({ user, conv: row.conv, seq: row.seq }))
        ),
      moveCursors: async (moves) => await this.#moveCursors(moves),
    };
  }

  /** Commits a batch in one transaction. */
  commit(batch: readonly NewMessage[]): Appended[] {
    return transaction(this.#db, () => {
      const newest = new Map<string, number>();
      const at = this.#now();
      const results = batch.map((message) => this.#append(message, { newest, at }));
      for (const [conv, seq] of newest) this.#setSeq.run(seq, conv);
      return results;
    });
  }

  #append(message: NewMessage, { newest, at }: { newest: Map<string, number>; at: number }): Appended {
    const { conv, kind, sender, senderName, mid, body } = message;
    let seq = newest.get(conv) ?? this.#seq.get(conv)?.seq;
    // What has effects beyond the insert is looked up first; a plain message finds out by inserting.
    if (mid !== null && (kind !== "chat" || seq === undefined)) {
      const first = this.#byMid.get(sender, mid);
      if (first) return { stored: first, fresh: false };
    }
    if (seq === undefined) {
      const refused = this.#refuseNew(message);
      if (refused) return { refused };
    }
    if (kind !== "chat") {
      const refused = this.#friendStep(message, at);
      if (refused) return { refused };
    }
    if (seq === undefined) {
      this.#newConversation.run(conv);
      this.#newProgress.run(sender, conv);
      this.#newProgress.run(message.to!, conv);
      seq = 0;
    }
    if (this.#insert.run(conv, seq + 1, sender, mid, kind, body, at) === 0) {
      return { stored: this.#byMid.get(sender, mid)!, fresh: false };
    }
    newest.set(conv, seq + 1);
    return { stored: { conv, seq: seq + 1, kind, sender, senderName, mid, body, at }, fresh: true };
  }

  /** A pair's conversation begins with its first message, a group's with the group. */
  #refuseNew(message: NewMessage): "no_user" | "not_a_member" | undefined {
    if (message.to === undefined) return "not_a_member";
    return this.#user.get(message.to) ? undefined : "no_user";
  }

  #friendStep(message: NewMessage, at: number): "already" | "no_request" | undefined {
    const { kind, sender, to } = message;
    if (to === undefined) return "no_request";
    if (kind === "request") {
      if (this.#isFriend.get(sender, to)) return "already";
      return this.#ask.run(sender, to) === 0 ? "already" : undefined;
    }
    if (this.#answer.run(to, sender) === 0) return "no_request";
    if (kind === "accept") {
      this.#answer.run(sender, to);
      this.#befriend.run(sender, to, at);
    }
    return undefined;
  }

  #read({ conv, after, before, limit, maxSize = Infinity }: Page): LogMessage[] {
    const rows = before === undefined
      ? this.#after.each(conv, after ?? 0, limit)
      : this.#before.each(conv, before, limit);
    const messages: LogMessage[] = [];
    let size = 0;
    for (const row of rows) {
      if (messages.length > 0 && size + row.body.length > maxSize) break;
      size += row.body.length;
      messages.push(row);
    }
    return before === undefined ? messages : messages.reverse();
  }

  #moveCursors(moves: readonly CursorMove[]): void {
    if (moves.length === 0) return;
    transaction(this.#db, () => {
      for (const { user, conv, delivered = 0, read = 0 } of moves) {
        this.#move.run(delivered, read, user, conv);
      }
    });
  }
}
