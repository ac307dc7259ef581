import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { StoreUnavailable } from "../store.ts";

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

const CONSTRAINT = 19;

/** SQLite's primary result code, of an error of the driver. */
export function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

/** Whether a constraint of the database refuses what was to be written. */
export function isConstraint(error: unknown): error is Error {
  return codeOf(error) === CONSTRAINT;
}

/** A prepared statement whose rows have a known shape; a driver's "not now" becomes {@linkcode StoreUnavailable}. */
export class Statement<Row> {
  readonly #statement: StatementSync;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql);
  }

  get(...values: SQLInputValue[]): Row | undefined {
    try {
      return this.#statement.get(...values) as Row | undefined;
    } catch (error) {
      throw understood(error);
    }
  }

  all(...values: SQLInputValue[]): Row[] {
    try {
      return this.#statement.all(...values) as Row[];
    } catch (error) {
      throw understood(error);
    }
  }

  /** How many rows changed. */
  run(...values: SQLInputValue[]): number {
    return Number(this.#change(values).changes);
  }

  /** The rowid of the row that was inserted. */
  insert(...values: SQLInputValue[]): number {
    return Number(this.#change(values).lastInsertRowid);
  }

  #change(values: SQLInputValue[]) {
    try {
      return this.#statement.run(...values);
    } catch (error) {
      throw understood(error);
    }
  }
}

/** Transactions on one connection. */
export class Transactions {
  readonly #db: DatabaseSync;
  // Prepared: errors of `exec` do not say what kind they are.
  readonly #begin: Statement<never>;
  readonly #commit: Statement<never>;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#begin = new Statement(db, "BEGIN IMMEDIATE");
    this.#commit = new Statement(db, "COMMIT");
  }

  /** Runs `work` in one transaction that is rolled back if it throws. */
  run<T>(work: () => T): T {
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

/** A driver's "not now" as what the port promises. */
function understood(error: unknown): unknown {
  if (!UNAVAILABLE.has(codeOf(error) ?? 0)) return error;
  return new StoreUnavailable(error instanceof Error ? error.message : String(error), { cause: error });
}
