import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { StoreUnavailable } from "./store.ts";

/** SQLite's primary result codes that say "not now": https://sqlite.org/rescode.html */
const UNAVAILABLE = new Set([
  5, // BUSY
  6, // LOCKED
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
]);

/** Whether another connection has the database locked. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" &&
    (error.errcode & 0xff) === 5;
}

/** Whether an error of the driver means that trying again later may work. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error)) return false;
  return typeof error.errcode === "number" && UNAVAILABLE.has(error.errcode & 0xff);
}

/** A prepared statement whose rows have a known shape; a driver's "not now" becomes {@linkcode StoreUnavailable}. */
export class Statement<Row> {
  readonly #statement: StatementSync;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql);
  }

  get(...values: SQLInputValue[]): Row | undefined {
    return guarded(() => this.#statement.get(...values)) as Row | undefined;
  }

  all(...values: SQLInputValue[]): Row[] {
    return guarded(() => this.#statement.all(...values)) as Row[];
  }

  /** Row by row, for those who stop early. */
  *each(...values: SQLInputValue[]): Generator<Row, void, undefined> {
    const rows = guarded(() => this.#statement.iterate(...values));
    try {
      for (let row = guarded(() => rows.next()); !row.done; row = guarded(() => rows.next())) {
        yield row.value as Row;
      }
    } finally {
      rows.return?.();
    }
  }

  /** How many rows changed. */
  run(...values: SQLInputValue[]): number {
    return Number(guarded(() => this.#statement.run(...values)).changes);
  }

  /** The rowid of the row that was inserted. */
  insert(...values: SQLInputValue[]): number {
    return Number(guarded(() => this.#statement.run(...values)).lastInsertRowid);
  }
}

/** Runs `work` in one transaction that is rolled back if it throws. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  // Prepared: errors of `exec` do not say what kind they are.
  guarded(() => db.prepare("BEGIN IMMEDIATE").run());
  try {
    const result = work();
    guarded(() => db.prepare("COMMIT").run());
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isUnavailable(error)) {
      throw new StoreUnavailable(error instanceof Error ? error.message : String(error), { cause: error });
    }
    throw error;
  }
}
