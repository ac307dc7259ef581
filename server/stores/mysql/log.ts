import type { Kind, LogMessage, Progress } from "../../protocol/messages.ts";
import { isMade } from "./mids.ts";
import {
  codeOf,
  type Database,
  padded,
  placeholders,
  preparedSize,
  roundedUp,
  type Value,
} from "./database.ts";
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
  type UserDevice,
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

const PROGRESS = `progress.conv, ${NEWEST("progress")} AS seq, progress.delivered, progress.\`read\``;

/** Rows that one statement moves. */
const MOVES_AT_ONCE = 50;
/** Rows that are moved one by one, after one of them was locked, at the same time: each may take a connection for 1 s. */
const EACH_AT_ONCE = 4;
const USERS_AT_ONCE = 2000;
/** Users whose conversations are read together: each may have a thousand. */
const LOGINS_AT_ONCE = 64;
/** Conversations of one user that are read together. */
const CONVS_AT_ONCE = 256;

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
  /** By user, for the nameless device; by user and device for others. */
  readonly #conversations: Lookup<number, readonly Progress[]>;
  readonly #deviceConversations: Lookup<string, readonly Progress[]>;
  /** Who has more conversations than so many: by user and number. */
  readonly #large: Lookup<string, true>;

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
    this.#deviceConversations = new Lookup((keys) => this.#findOfDevices(keys), {
      most: LOGINS_AT_ONCE,
      slots,
    });
    this.#large = new Lookup((keys) => this.#findLarge(keys), { most: LOGINS_AT_ONCE, slots });
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

  async conversations(user: number, device = ""): Promise<readonly Progress[]> {
    const found = device === ""
      ? this.#conversations.get(user)
      : this.#deviceConversations.get(`${user} ${device}`);
    return await found ?? [];
  }

  async hasMoreThan(user: number, conversations: number): Promise<boolean> {
    return await this.#large.get(`${user} ${conversations}`) ?? false;
  }

  async conversationsOf(owner: UserDevice, convs: readonly string[]): Promise<readonly Progress[]> {
    const { rows, key } = rowsOf(owner);
    const found: Progress[] = [];
    for (let at = 0; at < convs.length; at += CONVS_AT_ONCE) {
      const some = padded(convs.slice(at, at + CONVS_AT_ONCE));
      const sql = `${rows} AND progress.conv IN (${placeholders(some.length)})`;
      found.push(...(await this.#db.rows<Progress>(sql, [...key, ...some])).map(progressOf));
    }
    return found;
  }

  async conversationPage(
    owner: UserDevice,
    { after, limit }: { after: string; limit: number },
  ): Promise<readonly Progress[]> {
    const { rows, key } = rowsOf(owner);
    const sql = `${rows} AND progress.conv > ? ORDER BY progress.conv LIMIT ${preparedSize(limit)}`;
    return (await this.#db.rows<Progress>(sql, [...key, after])).slice(0, limit).map(progressOf);
  }

  async membership(conv: string, user: number): Promise<{ joined: number } | undefined> {
    const [row] = await this.#db.rows<{ joined: number }>(
      "SELECT joined FROM progress WHERE userid = ? AND conv = ?",
      [user, conv],
    );
    return row;
  }

  async behind(devices: readonly UserDevice[]): Promise<Behind[]> {
    const nameless = devices.filter(({ device }) => device === "");
    const named = devices.filter(({ device }) => device !== "");
    const found: Behind[] = [];
    for (let at = 0; at < nameless.length; at += USERS_AT_ONCE) {
      const some = roundedUp(nameless.slice(at, at + USERS_AT_ONCE));
      found.push(
        ...await this.#db.rows<Behind>(
          `SELECT user, '' AS device, conv, seq, delivered FROM (
             SELECT userid AS user, conv, delivered, ${NEWEST("progress")} AS seq
               FROM progress WHERE userid IN (${placeholders(some.length)})) AS cursors
            WHERE seq > delivered`,
          some.map(({ user }) => user),
        ),
      );
    }
    for (let at = 0; at < named.length; at += USERS_AT_ONCE) {
      const some = roundedUp(named.slice(at, at + USERS_AT_ONCE));
      found.push(
        ...await this.#db.rows<Behind>(
          `SELECT user, device, conv, seq, delivered FROM (${cursorsOf(some.length)}) AS cursors
            WHERE seq > delivered`,
          some.flatMap(({ user, device }) => [user, device]),
        ),
      );
    }
    return found;
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<readonly CursorMove[]> {
    // In the order of the key, so that two nodes do not wait for each other.
    const sorted = moves.toSorted((a, b) =>
      a.user - b.user || compare(a.conv, b.conv) || compare(a.device, b.device)
    );
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
    const bounded = moves.map(({ user, device, conv, delivered = 0, read = 0 }) => {
      const bound = bounds.get(conv) ?? 0;
      return { user, device, conv, delivered: Math.min(delivered, bound), read: Math.min(read, bound) };
    });
    // What was read is the user's, whatever the device. It comes first: if this node stops in between, the device is
    // pushed the entries again, and its client says again that they are read.
    const ofUsers = bounded.filter(({ device, read }) => device === "" || read > 0);
    if (ofUsers.length > 0) await this.#moveOfUsers(together(ofUsers));
    const named = bounded.filter(({ device }) => device !== "");
    if (named.length > 0) await this.#moveOfDevices(named);
  }

  /** What was delivered to the nameless device, and what the user has read. */
  async #moveOfUsers(moves: readonly Required<CursorMove>[]): Promise<void> {
    const rows = roundedUp(moves);
    // The character set is given, or else the join could not use the key of the table.
    const values = rows.map((_, i) =>
      `SELECT CAST(? AS SIGNED) ${i ? "" : "AS userid"}, CONVERT(? USING ascii) COLLATE ascii_bin ${
        i ? "" : "AS conv"
      },
              CAST(? AS SIGNED) ${i ? "" : "AS delivered"}, CAST(? AS SIGNED) ${i ? "" : "AS `read`"}`
    ).join(" UNION ALL ");
    await this.#db.run(
      `UPDATE progress JOIN (${values}) AS move ON progress.userid = move.userid AND progress.conv = move.conv
          SET progress.delivered = GREATEST(progress.delivered, move.delivered),
              progress.\`read\` = GREATEST(progress.\`read\`, move.\`read\`)`,
      rows.flatMap(({ user, conv, delivered, read }) => [user, conv, delivered, read]),
    );
  }

  /** What other statements read here is not locked by it: see the isolation level. */
  async #moveOfDevices(moves: readonly Required<CursorMove>[]): Promise<void> {
    const some = roundedUp(moves);
    const values = some.map((_, i) =>
      `SELECT CAST(? AS SIGNED) ${i ? "" : "AS userid"}, CONVERT(? USING ascii) COLLATE ascii_bin ${
        i ? "" : "AS device"
      }, CONVERT(? USING ascii) COLLATE ascii_bin ${i ? "" : "AS conv"},
              CAST(? AS SIGNED) ${i ? "" : "AS delivered"}`
    ).join(" UNION ALL ");
    await this.#db.run(
      `INSERT INTO deviceprogress (userid, device, conv, delivered)
       SELECT device.userid, device.device, progress.conv, move.delivered FROM (${values}) AS move
         JOIN device ON device.userid = move.userid AND device.device = move.device
         JOIN progress ON progress.userid = move.userid AND progress.conv = move.conv
       ON DUPLICATE KEY UPDATE delivered = GREATEST(deviceprogress.delivered, VALUES(delivered))`,
      some.flatMap(({ user, device, conv, delivered }) => [user, device, conv, delivered]),
    );
  }

  /** @param keys User and number each. No more rows are read of a user than that number says. */
  async #findLarge(keys: readonly string[]): Promise<Map<string, true>> {
    const found = new Map<string, true>();
    const pairs = keys.map((key) => key.split(" ").map(Number) as [number, number]);
    for (const [count, ofCount] of byKey(pairs, ([, count]) => count)) {
      const some = padded(ofCount.map(([user]) => user));
      const rows = await this.#logins.rows<{ id: number }>(
        `SELECT user.id FROM user WHERE user.id IN (${placeholders(some.length)}) AND
           (SELECT conv FROM progress WHERE progress.userid = user.id LIMIT 1 OFFSET ${
          Number(count)
        }) IS NOT NULL`,
        some,
      );
      for (const { id } of rows) found.set(`${id} ${count}`, true);
    }
    return found;
  }

  async #findConversations(users: readonly number[]): Promise<Map<number, readonly Progress[]>> {
    const some = padded(users);
    const rows = await this.#logins.rows<Progress & { userid: number }>(
      `SELECT progress.userid, ${PROGRESS} FROM progress WHERE progress.userid IN (${
        placeholders(some.length)
      })`,
      some,
    );
    return byConv(byKey(rows, ({ userid }) => userid));
  }

  /** @param keys User and device each. */
  async #findOfDevices(keys: readonly string[]): Promise<Map<string, readonly Progress[]>> {
    const some = padded(keys);
    const rows = await this.#logins.rows<Progress & UserDevice>(
      `SELECT user, device, conv, seq, delivered, \`read\` FROM (${cursorsOf(some.length)}) AS cursors`,
      some.flatMap((key): Value[] => {
        const [user, device] = key.split(" ");
        return [Number(user), device!];
      }),
    );
    return byConv(byKey(rows, ({ user, device }) => `${user} ${device}`));
  }
}

/**
 * The cursors of so many devices that have names. A conversation for which a device has no row has begun, for its user,
 * after the device did; one who has left a group and joined again sees nothing of what was said in between.
 */
function cursorsOf(devices: number): string {
  return `SELECT device.userid AS user, device.device, progress.conv, ${NEWEST("progress")} AS seq,
                 GREATEST(progress.joined, COALESCE(deviceprogress.delivered, 0)) AS delivered, progress.\`read\`
            FROM device JOIN progress ON progress.userid = device.userid
            LEFT JOIN deviceprogress ON deviceprogress.userid = device.userid
                                    AND deviceprogress.device = device.device
                                    AND deviceprogress.conv = progress.conv
           WHERE (device.userid, device.device) IN (${placeholders(devices, 2)})`;
}

/** A query for the conversations of one device, to which conditions can be added, and the values that it begins with. */
function rowsOf({ user, device }: UserDevice): { rows: string; key: Value[] } {
  return device === ""
    ? { rows: `SELECT ${PROGRESS} FROM progress WHERE progress.userid = ?`, key: [user] }
    : { rows: cursorsOf(1), key: [user, device] };
}

/** A row without the columns that say whose it is. */
const progressOf = ({ conv, seq, delivered, read }: Progress): Progress => ({ conv, seq, delivered, read });

function byConv<Key>(rows: ReadonlyMap<Key, readonly Progress[]>): Map<Key, readonly Progress[]> {
  return new Map(
    [...rows].map(([key, ofKey]) => [
      key,
      ofKey.map(progressOf)
        .sort((a, b) => compare(a.conv, b.conv)),
    ]),
  );
}

/** One move for each user and conversation: a row is written once. What was delivered to devices with names is left out. */
function together(moves: readonly Required<CursorMove>[]): Required<CursorMove>[] {
  const byRow = new Map<string, Required<CursorMove>>();
  for (const { user, device, conv, delivered, read } of moves) {
    const key = `${user} ${conv}`;
    const other = byRow.get(key);
    byRow.set(key, {
      ...{ user, device: "", conv },
      delivered: Math.max(other?.delivered ?? 0, device === "" ? delivered : 0),
      read: Math.max(other?.read ?? 0, read),
    });
  }
  return [...byRow.values()];
}

const compare = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;

/** Whether somebody else has locked a row for longer than a statement waits. */
function isLockWait(error: unknown): boolean {
  return error instanceof StoreUnavailable && codeOf(error.cause) === "ER_LOCK_WAIT_TIMEOUT";
}

function inOrder(nearestFirst: LogMessage[], forward: boolean): LogMessage[] {
  return forward ? nearestFirst : nearestFirst.reverse();
}
