import type { DatabaseSync } from "node:sqlite";
import { isKind } from "../../protocol/kinds.ts";
import type { BulkRows } from "../../stores/bulk.ts";

/** Rows that are written together, and characters of text. */
const PAGE_ROWS = 1000;
const PAGE_SIZE = 1024 * 1024;
/** Users whose passwords are hashed before they are written: an interruption loses no more. */
const USERS = 128;

/** A row as it was staged, with the place that it has among those of its step. */
type Row = Readonly<Record<string, string | number | null>> & { readonly place: number };

/** A step of the writing: which rows, and what they are. The passwords of users are in clear here. */
interface Step {
  readonly name: string;
  readonly table: string;
  readonly sql: string;
  readonly most: number;
  readonly toRows: (rows: readonly Row[]) => BulkRows;
}

const n = Number;
const s = String;

/** In an order in which each row refers to earlier ones only. An interrupted import goes on at a step and a place. */
export const STEPS: readonly Step[] = [
  {
    name: "users",
    table: "user",
    sql: "SELECT id AS place, id, name, password FROM user WHERE id > ? ORDER BY id",
    most: USERS,
    toRows: (rows) => ({
      users: rows.map(({ id, name, password }) => ({
        id: n(id),
        name: s(name),
        // One that nobody knows lets nobody in.
        password: s(password ?? crypto.randomUUID()),
      })),
    }),
  },
  {
    name: "friendships",
    table: "friendship",
    sql: "SELECT rowid AS place, low, high FROM friendship WHERE rowid > ? ORDER BY rowid",
    most: PAGE_ROWS,
    toRows: (rows) => ({ friendships: rows.map(({ low, high }) => [n(low), n(high)] as const) }),
  },
  {
    name: "groups",
    table: "chatgroup",
    sql: "SELECT id AS place, id, name, description FROM chatgroup WHERE id > ? ORDER BY id",
    most: PAGE_ROWS,
    toRows: (rows) => ({
      groups: rows.map(({ id, name, description }) => ({
        id: n(id),
        name: s(name),
        description: s(description),
      })),
    }),
  },
  {
    name: "memberships",
    table: "member",
    sql: "SELECT rowid AS place, chatgroup, user, role FROM member WHERE rowid > ? ORDER BY rowid",
    most: PAGE_ROWS,
    toRows: (rows) => ({
      members: rows.map(({ chatgroup, user, role }) => ({
        group: n(chatgroup),
        user: n(user),
        role: role === "creator" ? "creator" as const : "normal" as const,
      })),
    }),
  },
  {
    name: "conversations",
    table: "conversation",
    sql: "SELECT rowid AS place, conv, newest FROM conversation WHERE rowid > ? ORDER BY rowid",
    most: PAGE_ROWS,
    toRows: (rows) => ({
      conversations: rows.map(({ conv, newest }) => ({ conv: s(conv), newest: n(newest) })),
    }),
  },
  {
    name: "places in conversations",
    table: "place",
    sql: "SELECT rowid AS place, conv, user, joined, delivered FROM place WHERE rowid > ? ORDER BY rowid",
    most: PAGE_ROWS,
    toRows: (rows) => ({
      cursors: rows.map(({ conv, user, joined, delivered }) => ({
        conv: s(conv),
        user: n(user),
        joined: n(joined),
        delivered: n(delivered),
      })),
    }),
  },
  {
    name: "friend requests",
    table: "request",
    sql: "SELECT rowid AS place, sender, receiver FROM request WHERE rowid > ? ORDER BY rowid",
    most: PAGE_ROWS,
    toRows: (rows) => ({ requests: rows.map(({ sender, receiver }) => [n(sender), n(receiver)] as const) }),
  },
  {
    name: "messages",
    table: "numbered",
    sql: `SELECT numbered.rowid AS place, numbered.conv, seq, kind, numbered.sender, body, at
            FROM numbered JOIN waiting ON waiting.pos = numbered.first WHERE numbered.rowid > ? ORDER BY numbered.rowid`,
    most: PAGE_ROWS,
    toRows: (rows) => ({
      entries: rows.map(({ conv, seq, kind, sender, body, at }) => ({
        conv: s(conv),
        seq: n(seq),
        kind: kindOf(s(kind)),
        sender: n(sender),
        body: s(body),
        at: n(at),
      })),
    }),
  },
];

/** How many rows a step has beyond a place. */
export function countRows(db: DatabaseSync, { table }: Step, after: number): number {
  return Number(db.prepare(`SELECT count(*) AS count FROM ${table} WHERE rowid > ?`).get(after)?.count);
}

/** The rows of a step beyond a place, in pages that fit into memory. */
export function* pages(
  db: DatabaseSync,
  step: Step,
  after: number,
): Generator<{ rows: BulkRows; count: number; place: number }> {
  const statement = db.prepare(`${step.sql} LIMIT ${step.most}`);
  while (true) {
    const rows: Row[] = [];
    let size = 0;
    for (const row of statement.iterate(after) as Iterable<Row>) {
      rows.push(row);
      size += typeof row.body === "string" ? row.body.length : 0;
      if (size > PAGE_SIZE) break;
    }
    const last = rows.at(-1);
    if (!last) return;
    after = last.place;
    yield { rows: step.toRows(rows), count: rows.length, place: after };
  }
}

function kindOf(text: string) {
  if (!isKind(text)) throw new TypeError(`no kind of entry is called ${text}`);
  return text;
}
