import type { Kind, LogMessage, Progress } from "../../protocol/messages.ts";
import { isMade } from "./mids.ts";
import { type Database, placeholders, roundedUp, type Value } from "./database.ts";
import type { Appended, Behind, CursorMove, LogStore, NewMessage, Page } from "../store.ts";

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
}

export const MESSAGE_COLUMNS =
  `message.conv, message.seq, message.kind, message.sender, user.name AS senderName,
  message.mid, message.body, message.at`;

/** The newest number of a table's `conv`, 0 if it has none: the last entry of the primary key, however many there are. */
export const NEWEST = (table: string) =>
  `COALESCE((SELECT newest.seq FROM message AS newest WHERE newest.conv = ${table}.conv
              ORDER BY newest.seq DESC LIMIT 1), 0)`;

/** Rows that one statement moves. */
const MOVES_AT_ONCE = 50;
const USERS_AT_ONCE = 2000;

export function toMessage({ conv, seq, kind, sender, senderName, mid, body, at }: MessageRow): LogMessage {
  return { conv, seq, kind, sender, senderName, mid: isMade(mid) ? null : mid, body, at };
}

export class MysqlLog implements LogStore {
  readonly #db: Database;
  readonly #append: Pick<LogStore, "append" | "heard">;

  constructor(db: Database, append: Pick<LogStore, "append" | "heard">) {
    this.#db = db;
    this.#append = append;
  }

  append(message: NewMessage): Promise<Appended> {
    return this.#append.append(message);
  }

  heard(conv: string, seq: number): void {
    this.#append.heard(conv, seq);
  }

  async read({ conv, after, before, limit, maxSize = Number.MAX_SAFE_INTEGER }: Page): Promise<LogMessage[]> {
    // Numbers have no holes, so a page is a range of them; MySQL takes no parameter for LIMIT that MariaDB takes too.
    const [range, values]: [string, Value[]] = before === undefined
      ? ["seq > ? AND seq <= ?", [after ?? 0, (after ?? 0) + limit]]
      : await this.#rangeBefore(conv, { before, limit });
    // The nearest entries first; the first one always, the others while the sum of their sizes allows.
    const rows = await this.#db.rows<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM (
         SELECT conv, seq, kind, sender, mid, body, at, CHAR_LENGTH(body) AS size,
                SUM(CHAR_LENGTH(body)) OVER (ORDER BY seq ${before === undefined ? "ASC" : "DESC"}) AS total
           FROM message WHERE conv = ? AND ${range}) AS message
         JOIN user ON user.id = message.sender
        WHERE total <= ? OR total = size ORDER BY seq`,
      [conv, ...values, maxSize],
    );
    return rows.map(toMessage);
  }

  async #rangeBefore(
    conv: string,
    { before, limit }: { before: number; limit: number },
  ): Promise<[string, Value[]]> {
    const [newest] = await this.#db.rows<{ seq: number }>(
      "SELECT seq FROM message WHERE conv = ? ORDER BY seq DESC LIMIT 1",
      [conv],
    );
    const end = Math.min(before, (newest?.seq ?? 0) + 1);
    return ["seq < ? AND seq >= ?", [end, end - limit]];
  }

  async conversations(user: number): Promise<Progress[]> {
    return await this.#db.rows(
      `SELECT progress.conv, ${NEWEST("progress")} AS seq, progress.delivered, progress.\`read\` FROM progress
        WHERE progress.userid = ? ORDER BY progress.conv`,
      [user],
    );
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
          `SELECT user, conv, seq FROM (
             SELECT userid AS user, conv, delivered, ${NEWEST("progress")} AS seq
               FROM progress WHERE userid IN (${placeholders(some.length)})) AS cursors
            WHERE seq > delivered`,
          some,
        ),
      );
    }
    return found;
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<void> {
    for (let at = 0; at < moves.length; at += MOVES_AT_ONCE) {
      const some = roundedUp(moves.slice(at, at + MOVES_AT_ONCE));
      // The character set is given, or else the join could not use the key of the table.
      const rows = some.map((_, i) =>
        `SELECT CAST(? AS SIGNED) ${i ? "" : "AS userid"}, CONVERT(? USING ascii) COLLATE ascii_bin ${
          i ? "" : "AS conv"
        },
                CAST(? AS SIGNED) ${i ? "" : "AS delivered"}, CAST(? AS SIGNED) ${i ? "" : "AS `read`"}`
      ).join(" UNION ALL ");
      await this.#db.transaction((tx) =>
        tx.run(
          `UPDATE progress JOIN (${rows}) AS move ON progress.userid = move.userid AND progress.conv = move.conv
              SET progress.delivered = GREATEST(progress.delivered, move.delivered),
                  progress.\`read\` = GREATEST(progress.\`read\`, move.\`read\`)`,
          some.flatMap(({ user, conv, delivered = 0, read = 0 }) => [user, conv, delivered, read]),
        )
      );
    }
  }
}
