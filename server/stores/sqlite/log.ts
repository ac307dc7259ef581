import type { DatabaseSync } from "node:sqlite";
import type { LogMessage, Progress } from "../../protocol/messages.ts";
import { BATCH, GroupCommit } from "../group_commit.ts";
import {
  type Appended,
  type Behind,
  type CursorMove,
  type LogStore,
  MAX_REACTIONS,
  type NewMessage,
  type Page,
  type Reaction,
  StoreUnavailable,
  type UserDevice,
} from "../store.ts";
import { MESSAGE, type MessageRow, toMessage } from "./messages.ts";
import { Positions } from "./positions.ts";
import { Statement } from "./statements.ts";
import type { Failure, Outcome, Writes } from "./writes.ts";

/** So many batches are on their way to the disk at once: one is prepared while the other is written. */
const DEPTH = 2;

export class SqliteLog implements LogStore {
  readonly #writes: Writes;
  readonly #now: () => number;
  readonly #commits: GroupCommit<NewMessage, Appended>;
  /** See {@linkcode WriteCalls.commit}. */
  #epoch = 0;
  readonly #after: Statement<{ id: number }>;
  readonly #before: Statement<{ id: number }>;
  readonly #message: Statement<MessageRow>;
  readonly #positions: Positions;
  readonly #membership: Statement<{ joined: number }>;
  readonly #reactions: Statement<Reaction>;

  constructor(db: DatabaseSync, options: { writes: Writes; now: () => number }) {
    this.#writes = options.writes;
    this.#now = options.now;
    this.#commits = new GroupCommit((batch) => this.#commit(batch), { ...BATCH, depth: DEPTH });
    this.#after = new Statement(db, idsOf("seq > ?2", "ASC"));
    this.#before = new Statement(db, idsOf("seq < ?2", "DESC"));
    this.#message = new Statement(db, MESSAGE);
    this.#positions = new Positions(db);
    this.#membership = new Statement(db, "SELECT joined FROM progress WHERE userid = ? AND conv = ?");
    this.#reactions = new Statement(
      db,
      `SELECT seq, emoji, user FROM (
         SELECT ref AS seq, emoji, userid AS user, row_number() OVER (PARTITION BY ref ORDER BY emoji, userid) AS n
           FROM reaction WHERE conv = ? AND ref BETWEEN ? AND ?)
        WHERE n <= ${MAX_REACTIONS} ORDER BY seq, emoji, user`,
    );
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

  async reactions({ conv, from, to }: { conv: string; from: number; to: number }): Promise<Reaction[]> {
    return await this.#reactions.all(conv, from, to);
  }

  async conversations(user: number, device = ""): Promise<Progress[]> {
    return await this.#positions.all({ user, device });
  }

  async hasMoreThan(user: number, conversations: number): Promise<boolean> {
    return await this.#positions.hasMoreThan(user, conversations);
  }

  async conversationsOf(owner: UserDevice, convs: readonly string[]): Promise<Progress[]> {
    return await this.#positions.some(owner, convs);
  }

  async conversationPage(owner: UserDevice, page: { after: string; limit: number }): Promise<Progress[]> {
    return await this.#positions.page(owner, page);
  }

  async membership(conv: string, user: number): Promise<{ joined: number } | undefined> {
    return await this.#membership.get(user, conv);
  }

  behind(devices: readonly UserDevice[]): Promise<Behind[]> {
    return this.#positions.behind(devices);
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<readonly CursorMove[]> {
    await this.#writes.call("moveCursors", moves);
    return [];
  }

  async #commit(entries: readonly NewMessage[]): Promise<(Appended | Promise<Appended>)[]> {
    const epoch = this.#epoch;
    const at = this.#now();
    try {
      const outcomes = await this.#writes.call("commit", { entries, at, epoch });
      const failures = outcomes.flatMap((outcome) => isUnavailable(outcome) ? [outcome.failed] : []);
      if (failures.length > 0) this.#epoch = Math.max(this.#epoch, epoch + 1);
      // Nothing was stored: neither will be what waits.
      if (failures.length === entries.length) throw new StoreUnavailable(failures[0]!);
      return outcomes.map((outcome, i) => appended(entries[i]!, { outcome, at }));
    } catch (error) {
      this.#epoch = Math.max(this.#epoch, epoch + 1);
      throw error;
    }
  }

  #read({ conv, after, before, limit, maxSize = Infinity }: Page): LogMessage[] {
    const ids = before === undefined
      ? this.#after.all(conv, after ?? 0, limit)
      : this.#before.all(conv, before, limit);
    const messages: LogMessage[] = [];
    let size = 0;
    for (const { id } of ids) {
      const row = this.#message.get(id);
      // It may have been deleted meanwhile.
      if (!row) continue;
      const message = toMessage(row);
      if (messages.length > 0 && size + message.body.length > maxSize) break;
      size += message.body.length;
      messages.push(message);
    }
    return before === undefined ? messages : messages.reverse();
  }
}

/** Ids of a conversation's entries, by number: of those that have keys, and of those that have none yet. */
function idsOf(range: string, order: "ASC" | "DESC"): string {
  return `SELECT seq, id FROM entry_place WHERE conv = ?1 AND ${range}
          UNION ALL
          SELECT seq, id FROM entry WHERE id > (SELECT id FROM filed) AND conv = ?1 AND ${range}
          ORDER BY seq ${order} LIMIT ?3`;
}

function isUnavailable(outcome: Outcome): outcome is Failure {
  return typeof outcome === "object" && "failed" in outcome && outcome.unavailable;
}

function appended(
  entry: NewMessage,
  { outcome, at }: { outcome: Outcome; at: number },
): Appended | Promise<Appended> {
  if (typeof outcome === "string") return { refused: outcome };
  if (typeof outcome === "object") {
    if (!("failed" in outcome)) return { stored: outcome, fresh: false };
    const { failed, unavailable } = outcome;
    return Promise.reject(unavailable ? new StoreUnavailable(failed) : new Error(failed));
  }
  const { conv, kind, sender, senderName, mid, body, ref } = entry;
  const about = ref === undefined ? {} : { ref };
  return { stored: { conv, seq: outcome, kind, sender, senderName, mid, body, at, ...about }, fresh: true };
}
