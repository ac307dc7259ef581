import type { DatabaseSync } from "node:sqlite";
import { SEARCHED } from "../matching.ts";
import { Statement, Transactions } from "./statements.ts";
import type { Report } from "./writes.ts";

/** So much goes into the index in one transaction, which keeps a commit waiting for about 10 ms. */
const ROWS = 500;
const BYTES = 32_768;

interface Marks {
  readonly low: number;
  readonly high: number;
}

interface Size {
  readonly id: number;
  readonly size: number;
}

/**
 * Puts texts into the index of the search after they were committed, a slice at a time: the new ones first, then those
 * that were there before the index was, from above. Who searches looks through the rest.
 */
export class Indexing {
  readonly #db: DatabaseSync;
  readonly #transactions: Transactions;
  readonly #report: (report: Report) => void;
  readonly #synchronous: number;
  /** Whether the operator knows that indexing fails. */
  #isReported = false;
  readonly #marks: Statement<Marks>;
  readonly #above: Statement<Size>;
  readonly #below: Statement<Size>;
  readonly #add: Statement<never>;
  readonly #mark: Statement<never>;

  constructor(db: DatabaseSync, options: { report: (report: Report) => void }) {
    this.#db = db;
    this.#transactions = new Transactions(db);
    this.#report = options.report;
    this.#synchronous = new Statement<{ synchronous: number }>(db, "PRAGMA synchronous").get()!.synchronous;
    this.#marks = new Statement(db, "SELECT low, high FROM searched");
    const size = "SELECT id, octet_length(body) AS size FROM entry";
    this.#above = new Statement(db, `${size} WHERE id > ? ORDER BY id LIMIT ${ROWS}`);
    this.#below = new Statement(db, `${size} WHERE id <= ? ORDER BY id DESC LIMIT ${ROWS}`);
    this.#add = new Statement(
      db,
      `INSERT INTO entry_text (rowid, body)
       SELECT id, body || ' ' FROM entry WHERE id > ? AND id <= ? AND kind = '${SEARCHED}' ORDER BY id`,
    );
    this.#mark = new Statement(db, "UPDATE searched SET low = ?, high = ?");
  }

  /** Puts some more into the index. If it fails everything is as it was, and the operator is told once. */
  slice(): "done" | "more" | "fails" {
    // It can be built again from what is durable: where it is after a power failure does not matter.
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      const isMore = this.#transactions.run(() => this.#next());
      this.#isReported = false;
      return isMore ? "more" : "done";
    } catch (error) {
      if (!this.#isReported) this.#report(failing(error));
      this.#isReported = true;
      return "fails";
    } finally {
      this.#db.exec(`PRAGMA synchronous = ${this.#synchronous}`);
    }
  }

  /** Whether there was anything to do. */
  #next(): boolean {
    const { low, high } = this.#marks.get()!;
    const newer = some(this.#above.all(high));
    const newest = newer.at(-1)?.id ?? high;
    if (newest > high) this.#add.run(high, newest);
    // What keeps coming does not keep the old ones waiting for good.
    const older = newer.length < ROWS / 2 ? some(this.#below.all(low)) : [];
    const oldest = newer.length < ROWS / 2 ? (older.at(-1)?.id ?? 1) - 1 : low;
    if (oldest < low) this.#add.run(oldest, low);
    if (newest > high || oldest < low) this.#mark.run(oldest, newest);
    return newer.length > 0 || oldest < low;
  }
}

/** Those that go together: the first one in any case. */
function some(rows: readonly Size[]): readonly Size[] {
  let size = 0;
  const last = rows.findIndex((row) => (size += row.size) >= BYTES);
  return last < 0 ? rows : rows.slice(0, last + 1);
}

function failing(error: unknown): Report {
  const cause = error instanceof Error ? error.message : String(error);
  return {
    level: "warn",
    message: "messages cannot be indexed for searching just now, trying again",
    fields: { cause },
  };
}
