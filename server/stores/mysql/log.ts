import type { Kind, LogMessage, Progress } from "../../protocol/messages.ts";
import { isMade } from "./mids.ts";
import { codeOf, type Database, padded, placeholders, preparedSize, roundedUp } from "./database.ts";
import { byKey, Lookup } from "../lookup.ts";
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
} from "../store.ts";

/** A message as it is stored. A mid that begins with ~ is not the client's. */
export interface MessageRow {
  conv: string;
  seq: number;
  kind: Kind;
  sender: number;
  senderName: string;
  mid: string;
  body: string;
  at: number;
  ref: number | null;
  edited: number | null;
}

export const MESSAGE_COLUMNS =
  `message.conv, message.seq, message.kind, message.sender, COALESCE(user.name, '') AS senderName,
  message.mid, message.body, message.at, message.ref, message.edited`;

/** The newest number of a table's `conv`, 0 if it has none: the last entry of the primary key, however many there are. */
export const NEWEST = (table: string) =>
  `COALESCE((SELECT newest.seq FROM message AS newest WHERE newest.conv = ${table}.conv
              ORDER BY newest.seq DESC LIMIT 1), 0)`;

/** Rows that one statement moves. */
const MOVES_AT_ONCE = 50;
/** Rows that are moved one by one, after one of them was locked, at the same time: each may take a connection for 1 s. */
const EACH_AT_ONCE = 4;
const USERS_AT_ONCE = 2000;
/** Users whose conversations are read together: each may have a thousand. */
const LOGINS_AT_ONCE = 64;

/** Rows that are asked for first where a page is limited by size, and how many times as many follow each time. */
const FIRST_ROWS = 8;
const MORE_ROWS = 8;

export function toMessage({ ref, edited, ...row }: MessageRow): LogMessage {
  return {
    ...row,
    mid: isMade(row.mid) ? null : row.mid,
    ...(ref !== null && { ref }),
    ...(edited !== null && { edited }),
  };
}

export class MysqlLog implements LogStore {
  readonly #db: Database;
  readonly #logins: Database;
  readonly #append: Pick<LogStore, "append" | "heard">;
  readonly #conversations: Lookup<number, readonly Progress[]>;

  constructor(
    { db, logins, append }: { db: Database; logins: Database; append: Pick<LogStore, "append" | "heard"> },
  ) {
    this.#db = db;
    this.#logins = logins;
    this.#append = append;
    const { slots } = logins;
    this.#conversations = new Lookup((users) => this.#findConversations(users), {
      most: LOGINS_AT_ONCE,
      slots,
    });
  }

  append(message: NewMessage): Promise<Appended> {
    return this.#append.append(message);
  }

  heard(message: LogMessage): void {
    this.#append.heard(message);
  }

  async read({ conv, after, before, limit, maxSize = Infinity }: Page): Promise<LogMessage[]> {
    const forward = before === undefined;
    const found: LogMessage[] = [];
    let edge = before ?? after ?? 0;
    let room = maxSize;
    // Nobody knows the sizes before they are read, so the first rows are few.
    let count = maxSize === Infinity ? limit : FIRST_ROWS;
    while (found.length < limit) {
      const asked = Math.min(count, limit - found.length);
      const rows = await this.#nearest(conv, { edge, forward, count: asked });
      for (const row of rows) {
        if (found.length > 0 && row.body.length > room) return inOrder(found, forward);
        room -= row.body.length;
        found.push(toMessage(row));
        edge = row.seq;
      }
      if (rows.length < asked) break;
      count *= MORE_ROWS;
    }
    return inOrder(found, forward);
  }

  /** So many entries that are next to a number. MySQL takes no parameter for LIMIT that MariaDB takes, too. */
  async #nearest(
    conv: string,
    { edge, forward, count }: { edge: number; forward: boolean; count: number },
  ): Promise<MessageRow[]> {
    const [beyond, order] = forward ? [">", "ASC"] : ["<", "DESC"];
    const rows = await this.#db.rows<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM message LEFT JOIN user ON user.id = message.sender
        WHERE message.conv = ? AND message.seq ${beyond} ? ORDER BY message.seq ${order} LIMIT ${
        preparedSize(count)
      }`,
      [conv, edge],
    );
    return rows.slice(0, count);
  }

  async reactions({ conv, from, to }: { conv: string; from: number; to: number }): Promise<Reaction[]> {
    return await this.#db.rows<Reaction>(
      `SELECT seq, emoji, user FROM (
         SELECT ref AS seq, emoji, userid AS user, ROW_NUMBER() OVER (PARTITION BY ref ORDER BY emoji, userid) AS n
           FROM reaction WHERE conv = ? AND ref BETWEEN ? AND ?) AS numbered
        WHERE n <= ${MAX_REACTIONS} ORDER BY seq, emoji, user`,
      [conv, from, to],
    );
  }

  async conversations(user: number): Promise<readonly Progress[]> {
    return await this.#conversations.get(user) ?? [];
  }

  async membership(conv: string, user: number): Promise<{ joined: number } | undefined> {
    const [row] = await this.#db.rows<{ joined: number }>(
      "SELECT joined FROM progress WHERE userid = ? AND conv = ?",
      [user, conv],
    );
    return row;
  }

  async behind(users: readonly number[]): Promise<Behind[]> {
    const found: Behind[] = [];
    for (let at = 0; at < users.length; at += USERS_AT_ONCE) {
      const some = roundedUp(users.slice(at, at + USERS_AT_ONCE));
      found.push(
        ...await this.#db.rows<Behind>(
          `SELECT user, conv, seq, delivered FROM (
             SELECT userid AS user, conv, delivered, ${NEWEST("progress")} AS seq
               FROM progress WHERE userid IN (${placeholders(some.length)})) AS cursors
            WHERE seq > delivered`,
          some,
        ),
      );
    }
    return found;
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<readonly CursorMove[]> {
    // In the order of the key, so that two nodes do not wait for each other.
    const sorted = moves.toSorted((a, b) => a.user - b.user || (a.conv < b.conv ? -1 : 1));
    const locked: CursorMove[] = [];
    for (let at = 0; at < sorted.length; at += MOVES_AT_ONCE) {
      const some = sorted.slice(at, at + MOVES_AT_ONCE);
      if (await this.#moveUnlessLocked(some)) continue;
      // A cursor that somebody has locked keeps no others from being stored.
      for (let each = 0; each < some.length; each += EACH_AT_ONCE) {
        const few = some.slice(each, each + EACH_AT_ONCE);
        const moved = await Promise.all(few.map((move) => this.#moveUnlessLocked([move])));
        locked.push(...few.filter((_, i) => !moved[i]));
      }
    }
    return locked;
  }

  /** False if somebody has locked one of the rows: then none has been moved. */
  async #moveUnlessLocked(moves: readonly CursorMove[]): Promise<boolean> {
    try {
      await this.#move(moves);
      return true;
    } catch (error) {
      if (!isLockWait(error)) throw error;
      return false;
    }
  }

  /** Statements that are committed when they return: no lock is held while this node does anything else. */
  async #move(moves: readonly CursorMove[]): Promise<void> {
    const some = roundedUp(moves);
    // Not part of the statement that writes, which would lock the entries.
    const newest = await this.#db.rows<{ conv: string; seq: number }>(
      `SELECT conversation.conv, ${NEWEST("conversation")} AS seq FROM conversation
        WHERE conversation.conv IN (${placeholders(some.length)})`,
      some.map(({ conv }) => conv),
    );
    const bounds = new Map(newest.map(({ conv, seq }) => [conv, seq]));
    // The character set is given, or else the join could not use the key of the table.
    const rows = some.map((_, i) =>
      `SELECT CAST(? AS SIGNED) ${i ? "" : "AS userid"}, CONVERT(? USING ascii) COLLATE ascii_bin ${
        i ? "" : "AS conv"
      },
              CAST(? AS SIGNED) ${i ? "" : "AS delivered"}, CAST(? AS SIGNED) ${i ? "" : "AS `read`"}`
    ).join(" UNION ALL ");
    await this.#db.run(
      `UPDATE progress JOIN (${rows}) AS move ON progress.userid = move.userid AND progress.conv = move.conv
          SET progress.delivered = GREATEST(progress.delivered, move.delivered),
              progress.\`read\` = GREATEST(progress.\`read\`, move.\`read\`)`,
      some.flatMap(({ user, conv, delivered = 0, read = 0 }) => {
        const bound = bounds.get(conv) ?? 0;
        return [user, conv, Math.min(delivered, bound), Math.min(read, bound)];
      }),
    );
  }

  async #findConversations(users: readonly number[]): Promise<Map<number, readonly Progress[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<Progress & { userid: number }>(
      `SELECT progress.userid, progress.conv, ${
        NEWEST("progress")
      } AS seq, progress.delivered, progress.\`read\`
         FROM progress WHERE progress.userid IN (${placeholders(some.length)})`,
      some,
    );
    const found = new Map<number, Progress[]>();
    for (const [user, ofUser] of byKey(rows, ({ userid }) => userid)) {
      const sorted = ofUser.sort((a, b) => a.conv < b.conv ? -1 : 1);
      found.set(user, sorted.map(({ conv, seq, delivered, read }) => ({ conv, seq, delivered, read })));
    }
    return found;
  }
}

/** Whether somebody else has locked a row for longer than a statement waits. */
function isLockWait(error: unknown): boolean {
  return error instanceof StoreUnavailable && codeOf(error.cause) === "ER_LOCK_WAIT_TIMEOUT";
}

function inOrder(nearestFirst: LogMessage[], forward: boolean): LogMessage[] {
  return forward ? nearestFirst : nearestFirst.reverse();
}
