import type { DatabaseSync } from "node:sqlite";
import { type BulkRows, type BulkStore, commonTables, type Noted } from "../bulk.ts";
import { StartupError } from "../../errors.ts";
import { connect, type ConnectOptions } from "./connection.ts";
import { Filing } from "./filing.ts";
import { openSqlite } from "./open.ts";
import { OwnedFile, whyNot } from "./owned_file.ts";
import { Statement, Transactions } from "./statements.ts";
import type { Report } from "./writes.ts";

const CREATE_NOTE = `CREATE TABLE IF NOT EXISTS imported (
  id INTEGER PRIMARY KEY CHECK (id = 1), note TEXT NOT NULL, complete INTEGER NOT NULL) STRICT`;

/** Opens a file to be filled, and makes it if it is not there. @throws {StartupError} as {@linkcode openSqlite} does. */
export async function openSqliteBulk(
  options: ConnectOptions & { now: number; onReport: (report: Report) => void },
): Promise<BulkStore> {
  const { path } = options;
  // It makes the tables.
  await (await openSqlite({ ...options, now: () => options.now, mayBeUnfinished: true })).close();
  const file = OwnedFile.take(path);
  let db: DatabaseSync | undefined;
  try {
    db = connect(options);
    return new SqliteBulk(db, { file, now: options.now, report: options.onReport });
  } catch (error) {
    db?.close();
    file.close();
    throw error instanceof StartupError ? error : new StartupError(whyNot(path, error));
  }
}

function readNote(db: DatabaseSync): Noted | undefined {
  const table = new Statement(db, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'imported'");
  if (table.get() === undefined) return undefined;
  const row = new Statement<{ note: string; complete: number }>(db, "SELECT note, complete FROM imported")
    .get();
  return row && { note: row.note, isComplete: row.complete === 1 };
}

function hasRows(db: DatabaseSync): boolean {
  const sql = "SELECT EXISTS (SELECT 1 FROM user) + EXISTS (SELECT 1 FROM allgroup) AS used";
  return new Statement<{ used: number }>(db, sql).get()!.used > 0;
}

class SqliteBulk implements BulkStore {
  readonly noted: Noted | undefined;
  readonly isUsed: boolean;
  readonly #db: DatabaseSync;
  readonly #file: OwnedFile;
  readonly #now: number;
  readonly #transactions: Transactions;
  readonly #filing: Filing;
  readonly #inserts = new Map<string, Statement<never>>();

  constructor(
    db: DatabaseSync,
    options: { file: OwnedFile; now: number; report: (report: Report) => void },
  ) {
    this.#db = db;
    this.#file = options.file;
    this.#now = options.now;
    this.#transactions = new Transactions(db);
    this.#filing = new Filing(db, options);
    this.#filing.recall();
    this.noted = readNote(db);
    this.isUsed = this.noted === undefined && hasRows(db);
    if (!this.isUsed) db.exec(CREATE_NOTE);
  }

  // `async` turns what the synchronous driver throws into a rejection.
  async write(rows: BulkRows, noted: Noted): Promise<void> {
    const { entries = [], conversations = [] } = rows;
    const first = this.#filing.last + 1;
    await this.#transactions.run(() => {
      for (const { table, columns, rows: values } of commonTables(rows, this.#now)) {
        const insert = this.#insert(table, columns);
        for (const row of values) insert.run(...row);
      }
      const begin = this.#insert("conversation", ["conv", "seq"]);
      for (const { conv, newest } of conversations) begin.run(conv, newest);
      const append = this.#insert("entry", ["id", "conv", "seq", "sender", "kind", "body", "at"]);
      entries.forEach(({ conv, seq, sender, kind, body, at }, i) =>
        append.run(first + i, conv, seq, sender, kind, body, at)
      );
      new Statement(this.#db, "INSERT OR REPLACE INTO imported (id, note, complete) VALUES (1, ?, ?)")
        .run(noted.note, Number(noted.isComplete));
    });
    entries.forEach(({ conv, seq, sender }, i) =>
      this.#filing.note({ id: first + i, conv, seq, sender, mid: null })
    );
    if (this.#filing.isFull) this.#filing.file();
  }

  async close(): Promise<void> {
    this.#filing.file();
    this.#db.close();
    await this.#file.close();
  }

  #insert(table: string, columns: readonly string[]): Statement<never> {
    let insert = this.#inserts.get(table);
    if (!insert) {
      const names = columns.map((column) => `"${column}"`).join(", ");
      const values = Array(columns.length).fill("?").join(", ");
      insert = new Statement(this.#db, `INSERT INTO ${table} (${names}) VALUES (${values})`);
      this.#inserts.set(table, insert);
    }
    return insert;
  }
}
