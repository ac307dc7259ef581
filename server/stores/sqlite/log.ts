import type { DatabaseSync } from "node:sqlite";
import type { Kind, LogMessage, Progress } from "../../protocol/messages.ts";
import { BATCH, GroupCommit } from "../group_commit.ts";
import { Statement } from "./statements.ts";
import type { Outcome } from "./append.ts";
import type { Writes } from "./writer.ts";
import type { Appended, Behind, CursorMove, LogStore, NewMessage, Page } from "../store.ts";

/** What {@linkcode MESSAGE} selects. */
export interface MessageRow {
  conv: string;
  seq: number;
  kind: Kind;
  sender: number;
  senderName: string;
  mid: string | null;
  body: string;
  at: number;
}

/** Begins a query for messages. */
export const MESSAGE =
  `SELECT message.conv, message.seq, message.kind, message.sender, COALESCE(user.name, '') AS senderName,
    message.mid, message.body, message.at FROM message LEFT JOIN user ON user.id = message.sender`;

/** So many batches are on their way to the disk at once: one is prepared while the other is written. */
const DEPTH = 2;

export class SqliteLog implements LogStore {
  readonly #writes: Writes;
  readonly #now: () => number;
  readonly #commits: GroupCommit<NewMessage, Appended>;
  /** See {@linkcode SqliteAppend.commit}. */
  #epoch = 0;
  readonly #after: Statement<MessageRow>;
  readonly #before: Statement<MessageRow>;
  readonly #conversations: Statement<Progress>;
  readonly #behind: Statement<{ conv: string; seq: number }>;
  readonly #membership: Statement<{ joined: number }>;

  constructor(db: DatabaseSync, options: { writes: Writes; now: () => number }) {
    this.#writes = options.writes;
    this.#now = options.now;
    this.#commits = new GroupCommit((batch) => this.#commit(batch), { ...BATCH, depth: DEPTH });
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
  }

  append(message: NewMessage): Promise<Appended> {
    return this.#commits.add(message);
  }

  /** There is no other node. */
  heard(): void {}

  /** Resolves when everything appended so far has been committed or refused. */
  drain(): Promise<void> {
    return this.#commits.drain();
  }

  // `async` turns what the synchronous driver throws into rejections.
  async read(page: Page): Promise<LogMessage[]> {
    return await this.#read(page);
  }

  async conversations(user: number): Promise<Progress[]> {
    return await this.#conversations.all(user);
  }

  async membership(conv: string, user: number): Promise<{ joined: number } | undefined> {
    return await this.#membership.get(user, conv);
  }

  async behind(users: readonly number[]): Promise<Behind[]> {
    return await users.flatMap((user) =>
      this.#behind.all(user).map((row) => ({ user, conv: row.conv, seq: row.seq }))
    );
  }

  moveCursors(moves: readonly CursorMove[]): Promise<void> {
    return this.#writes.call("moveCursors", moves);
  }

  async #commit(entries: readonly NewMessage[]): Promise<Appended[]> {
    const epoch = this.#epoch;
    const at = this.#now();
    try {
      const outcomes = await this.#writes.call("commit", { entries, at, epoch });
      return outcomes.map((outcome, i) => appended(entries[i]!, { outcome, at }));
    } catch (error) {
      this.#epoch = Math.max(this.#epoch, epoch + 1);
      throw error;
    }
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
}

function appended(entry: NewMessage, { outcome, at }: { outcome: Outcome; at: number }): Appended {
  if (typeof outcome === "string") return { refused: outcome };
  if (typeof outcome === "object") return { stored: outcome, fresh: false };
  const { conv, kind, sender, senderName, mid, body } = entry;
  return { stored: { conv, seq: outcome, kind, sender, senderName, mid, body, at }, fresh: true };
}
