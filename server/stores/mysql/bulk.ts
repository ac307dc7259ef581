import { StartupError } from "../../errors.ts";
import { type BulkRows, type BulkStore, commonTables, type Noted, type TableRows } from "../bulk.ts";
import { Database, inParts, placeholders, type Session } from "./database.ts";
import { type MysqlOptions, openMysql, parseUrl } from "./open.ts";

/** How long a statement may take, in ms: nobody waits for it. */
const TIMEOUT = 60_000;
/** The most characters of one statement's texts: about, and far below what a server takes. */
const STATEMENT_SIZE = 256 * 1024;
const STATEMENT_ROWS = 500;
/** Within so long every node counts on, in ms. */
const BEAT_WITHIN = 3000;

const CREATE_NOTE = `CREATE TABLE IF NOT EXISTS imported (
  id TINYINT NOT NULL PRIMARY KEY, note MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  complete BOOLEAN NOT NULL) ENGINE = InnoDB`;

/** Opens an empty database to be filled. @throws {StartupError} as {@linkcode openMysql} does, or if it is in use. */
export async function openMysqlBulk(
  options: Omit<MysqlOptions, "now"> & { now: number },
): Promise<BulkStore> {
  const { url, now } = options;
  // It makes the tables.
  await (await openMysql({ ...options, now: () => now, mayBeUnfinished: true })).close();
  const address = parseUrl(url);
  const db = new Database({ ...address, poolSize: 1, timeout: TIMEOUT });
  try {
    await refuseNodes(db, address.database);
    const noted = await readNote(db);
    const isUsed = noted === undefined && await hasRows(db);
    if (!isUsed) await db.run(CREATE_NOTE);
    return new MysqlBulk(db, { noted, isUsed, now });
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function readNote(db: Database): Promise<Noted | undefined> {
  const tables = await db.rows(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'imported'",
  );
  if (tables.length === 0) return undefined;
  const [row] = await db.rows<{ note: string; complete: number }>("SELECT note, complete FROM imported");
  return row && { note: row.note, isComplete: row.complete === 1 };
}

async function hasRows(db: Database): Promise<boolean> {
  const [found] = await db.rows<{ used: number }>(
    "SELECT EXISTS (SELECT 1 FROM user) + EXISTS (SELECT 1 FROM allgroup) AS used",
  );
  return Number(found?.used) > 0;
}

/** A node that runs would not know of what is filled in. */
async function refuseNodes(db: Database, database: string): Promise<void> {
  const beats = () => db.rows<{ id: string; beat: number }>("SELECT id, beat FROM node");
  const before = new Map((await beats()).map(({ id, beat }) => [id, beat]));
  if (before.size === 0) return;
  await new Promise((resolve) => setTimeout(resolve, BEAT_WITHIN));
  if ((await beats()).every(({ id, beat }) => before.get(id) === beat)) return;
  throw new StartupError(
    `a chat-server runs on the database ${database}; stop it, or name another one in --db`,
  );
}

const COUNT_MEMBERS =
  "UPDATE allgroup SET size = (SELECT COUNT(*) FROM groupuser WHERE groupuser.groupid = allgroup.id)";

class MysqlBulk implements BulkStore {
  readonly noted: Noted | undefined;
  readonly isUsed: boolean;
  readonly #db: Database;
  readonly #now: number;
  /** What stands in the database. */
  #last: string | undefined;

  constructor(db: Database, options: { noted: Noted | undefined; isUsed: boolean; now: number }) {
    this.#db = db;
    this.#now = options.now;
    this.noted = options.noted;
    this.isUsed = options.isUsed;
    this.#last = options.noted?.note;
  }

  async write(rows: BulkRows, noted: Noted): Promise<void> {
    const { entries = [], conversations = [] } = rows;
    await this.#db.transaction(async (tx) => {
      await this.#replaceNote(tx, noted);
      for (const table of commonTables(rows, this.#now)) await insert(tx, table);
      await insert(tx, {
        table: "conversation",
        columns: ["conv"],
        rows: conversations.map(({ conv }) => [conv]),
      });
      await insert(tx, {
        table: "message",
        columns: ["conv", "seq", "sender", "mid", "kind", "body", "at"],
        rows: entries.map(({ conv, seq, sender, kind, body, at }) => // No client's mid begins with ~.
        [conv, seq, sender, `~i${conv}-${seq}`, kind, body, at]),
      });
      if (noted.isComplete) await tx.run(COUNT_MEMBERS);
    });
    this.#last = noted.note;
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** Two imports at once: the one that does not find its own note has lost. */
  async #replaceNote(tx: Session, { note, isComplete }: Noted): Promise<void> {
    const { changed } = this.#last === undefined
      ? await tx.run("INSERT IGNORE INTO imported (id, note, complete) VALUES (1, ?, ?)", [
        note,
        Number(isComplete),
      ])
      : await tx.run("UPDATE imported SET note = ?, complete = ? WHERE note = ?", [
        note,
        Number(isComplete),
        this.#last,
      ]);
    if (changed === 0) {
      throw new StartupError("another import writes to the same database; wait until it has ended");
    }
  }
}

async function insert(session: Session, { table, columns, rows }: TableRows): Promise<void> {
  const names = columns.map((column) => `\`${column}\``).join(", ");
  for (const some of bySize(rows)) {
    for (const part of inParts(some)) {
      await session.run(
        `INSERT INTO ${table} (${names}) VALUES ${rowPlaceholders(part.length, columns.length)}`,
        part.flat(),
      );
    }
  }
}

const rowPlaceholders = (rows: number, columns: number) =>
  columns === 1 ? Array(rows).fill("(?)").join(", ") : placeholders(rows, columns);

function* bySize(rows: TableRows["rows"]): Generator<TableRows["rows"]> {
  let some: (readonly (string | number)[])[] = [];
  let size = 0;
  for (const row of rows) {
    const length = row.reduce<number>(
      (sum, value) => sum + (typeof value === "string" ? value.length : 8),
      0,
    );
    if (some.length === STATEMENT_ROWS || (some.length > 0 && size + length > STATEMENT_SIZE)) {
      yield some;
      some = [];
      size = 0;
    }
    some.push(row);
    size += length;
  }
  if (some.length > 0) yield some;
}
