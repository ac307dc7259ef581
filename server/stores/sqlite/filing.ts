import type { DatabaseSync } from "node:sqlite";
import { isConstraint, Statement, Transactions } from "./statements.ts";
import type { Report } from "./writes.ts";

/** A stored row, as the keys need it. */
export interface Stored {
  readonly id: number;
  readonly conv: string;
  readonly seq: number;
  readonly sender: number;
  readonly mid: string | null;
}

/**
 * So many messages are filed together. More are cheaper a message, but keep a commit waiting (30 ms for these) and
 * readers searching (less than 1 ms) for longer.
 */
const FILE_AT = 12_000;
/** So many may be unfiled while filing fails. */
const OVERFLOW = 4 * FILE_AT;
/** Rows that cannot be filed are reported one by one, up to so many at a time. */
const MAX_NAMED = 20;

export const midKey = (sender: number, mid: string) => `${sender} ${mid}`;

/**
 * Builds the keys of messages after they were committed, many at a time and in the keys' order, so that each page of the
 * keys is written once for many messages. Until then their mids are remembered here.
 */
export class Filing {
  readonly #db: DatabaseSync;
  readonly #transactions: Transactions;
  readonly #report: (report: Report) => void;
  readonly #synchronous: number;
  /** Ids of rows that have no keys yet, by sender and mid. */
  readonly #mids = new Map<string, number>();
  #messages = 0;
  /** The newest row, and the last one that has keys. */
  #last: number;
  #filed: number;
  /** Whether the operator knows that filing fails. */
  #isReported = false;
  readonly #places: Statement<never>;
  readonly #keys: Statement<never>;
  readonly #mark: Statement<never>;
  readonly #unfiled: Statement<Stored>;
  readonly #place: Statement<never>;
  readonly #key: Statement<never>;

  constructor(db: DatabaseSync, options: { report: (report: Report) => void }) {
    this.#db = db;
    this.#transactions = new Transactions(db);
    this.#report = options.report;
    this.#synchronous = new Statement<{ synchronous: number }>(db, "PRAGMA synchronous").get()!.synchronous;
    const range = "FROM entry WHERE id > ? AND id <= ?";
    this.#places = new Statement(
      db,
      `INSERT INTO entry_place (conv, seq, id) SELECT conv, seq, id ${range} ORDER BY conv, seq`,
    );
    this.#keys = new Statement(
      db,
      `INSERT INTO entry_mid (sender, mid, id) SELECT sender, mid, id ${range} AND mid IS NOT NULL ORDER BY sender, mid`,
    );
    this.#mark = new Statement(db, "UPDATE filed SET id = ?");
    this.#unfiled = new Statement(
      db,
      `SELECT id, conv, seq, sender, mid ${range} ORDER BY id`,
    );
    this.#place = new Statement(db, "INSERT INTO entry_place (conv, seq, id) VALUES (?, ?, ?)");
    this.#key = new Statement(db, "INSERT INTO entry_mid (sender, mid, id) VALUES (?, ?, ?)");
    // Ids of new rows follow on both, even if somebody has deleted the newest ones.
    const ends = new Statement<{ last: number; filed: number }>(
      db,
      "SELECT coalesce((SELECT max(id) FROM entry), 0) AS last, coalesce((SELECT id FROM filed), 0) AS filed",
    ).get()!;
    this.#filed = ends.filed;
    this.#last = Math.max(ends.last, ends.filed);
  }

  /** What has no keys yet, as it was left by an earlier process. To be called once, before anything is noted. */
  recall(): Stored[] {
    const rows = this.#unfiled.all(this.#filed, this.#last);
    for (const row of rows) this.note(row);
    return rows;
  }

  /** The id of the newest row. */
  get last(): number {
    return this.#last;
  }

  /** Says that a row was committed. */
  note({ id, sender, mid }: Stored): void {
    this.#last = id;
    this.#messages++;
    if (mid !== null) this.#mids.set(midKey(sender, mid), id);
  }

  /** The row under a mid, if it has no keys yet. */
  find(sender: number, mid: string): number | undefined {
    return this.#mids.get(midKey(sender, mid));
  }

  get isEmpty(): boolean {
    return this.#messages === 0;
  }

  /** Whether there is enough to be filed. */
  get isFull(): boolean {
    return this.#messages >= FILE_AT;
  }

  /** Whether there is so much that no more should come. */
  get overflows(): boolean {
    return this.#messages >= OVERFLOW;
  }

  /**
   * Files everything. Rows that a constraint refuses are reported, and not tried again. False if it fails for another
   * reason: then everything is as it was, and the operator is told once.
   */
  file(): boolean {
    if (this.isEmpty) return true;
    // The messages are durable already: where their keys are after a power failure does not matter.
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      this.#fileAll();
      this.#isReported = false;
      return true;
    } catch (error) {
      if (!this.#isReported) this.#report(failing(error));
      this.#isReported = true;
      return false;
    } finally {
      this.#db.exec(`PRAGMA synchronous = ${this.#synchronous}`);
    }
  }

  #fileAll(): void {
    try {
      this.#transactions.run(() => {
        this.#places.run(this.#filed, this.#last);
        this.#keys.run(this.#filed, this.#last);
        this.#mark.run(this.#last);
      });
    } catch (error) {
      if (!isConstraint(error)) throw error;
      this.#reportEach(this.#transactions.run(() => this.#fileEach()));
    }
    this.#filed = this.#last;
    this.#messages = 0;
    this.#mids.clear();
  }

  /** Files row by row. What could not be filed, and why. */
  #fileEach(): { row: Stored; cause: string }[] {
    const refused: { row: Stored; cause: string }[] = [];
    const attempt = (row: Stored, work: () => void) => {
      try {
        work();
      } catch (error) {
        if (!isConstraint(error)) throw error;
        refused.push({ row, cause: error.message });
      }
    };
    for (const row of this.#unfiled.all(this.#filed, this.#last)) {
      const { id, conv, seq, sender, mid } = row;
      attempt(row, () => this.#place.run(conv, seq, id));
      if (mid !== null) attempt(row, () => this.#key.run(sender, mid, id));
    }
    this.#mark.run(this.#last);
    return refused;
  }

  #reportEach(refused: readonly { row: Stored; cause: string }[]): void {
    for (const { row, cause } of refused.slice(0, MAX_NAMED)) {
      const { id, conv, seq, sender, mid } = row;
      this.#report({
        level: "warn",
        message: "a stored message cannot be filed; it stays in the table entry",
        fields: { id, conv, seq, sender, ...mid !== null && { mid }, cause },
      });
    }
    const more = refused.length - MAX_NAMED;
    if (more > 0) {
      this.#report({ level: "warn", message: "more messages cannot be filed", fields: { messages: more } });
    }
  }
}

function failing(error: unknown): Report {
  const cause = error instanceof Error ? error.message : String(error);
  return { level: "warn", message: "messages cannot be filed just now, trying again", fields: { cause } };
}
