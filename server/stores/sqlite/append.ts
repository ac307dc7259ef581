import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Effect } from "../../protocol/kinds.ts";
import { type Facts, type Plan, plan, type Row, runs, Written } from "../plan.ts";
import { type Appended, type NewMessage, StoreUnavailable } from "../store.ts";
import { effectsOn } from "./effects.ts";
import { facts } from "./facts.ts";
import { Filing } from "./filing.ts";
import { Statement, Transactions } from "./statements.ts";
import type { Batch, Failure, Outcome, Report } from "./writes.ts";

/** So many rows are written by one statement, if there are as many. */
const ROWS = 32;
/** Conversations whose newest number is kept in memory. */
const MAX_KNOWN = 50_000;

/** What overwrites a text that nobody is to read any more. */
const ERASING: ReadonlySet<Effect> = new Set<Effect>(["erase", "rewrite"]);

/** What one transaction has written, and the id of its first row. */
interface Planned {
  readonly outcomes: Appended[];
  readonly rows: Row<NewMessage>[];
  readonly first: number;
}

/**
 * Commits batches of messages. A commit appends them to a table without indexes, which costs one page for dozens of
 * them, however many conversations they belong to; {@linkcode Filing} builds the keys later.
 */
export class SqliteAppend {
  readonly #transactions: Transactions;
  readonly #filing: Filing;
  /** The newest numbers of conversations; nobody else writes to them. */
  readonly #newest = new Map<string, number>();
  readonly #facts: Facts;
  #failedEpoch = -1;
  #hasErased = false;
  readonly #insert: Statement<never>;
  readonly #insertMany: Statement<never>;
  readonly #setSeq: Statement<never>;
  readonly #setSeqs: Statement<never>;
  readonly #newProgress: Statement<never>;
  readonly #carryOut: ReturnType<typeof effectsOn>;

  constructor(db: DatabaseSync, options: { report: (report: Report) => void }) {
    this.#transactions = new Transactions(db);
    this.#filing = new Filing(db, options);
    this.#facts = facts(db, { newest: this.#newest, filing: this.#filing });
    this.#insert = new Statement(db, insertOf(1));
    this.#insertMany = new Statement(db, insertOf(ROWS));
    this.#setSeq = new Statement(db, setSeqOf(1));
    this.#setSeqs = new Statement(db, setSeqOf(ROWS));
    this.#newProgress = new Statement(
      db,
      `INSERT INTO progress (userid, conv, joined, delivered, "read") VALUES (?, ?, 0, 0, 0)
       ON CONFLICT (userid, conv) DO NOTHING`,
    );
    this.#carryOut = effectsOn(db);
    for (const { conv, seq } of this.#filing.recall()) {
      this.#newest.set(conv, Math.max(seq, this.#facts.newest(conv) ?? 0));
    }
    this.#filing.file();
  }

  /** Whether a text was erased since this was last asked: it still stands in the log file. */
  takeErased(): boolean {
    const hasErased = this.#hasErased;
    this.#hasErased = false;
    return hasErased;
  }

  get filing(): Pick<Filing, "isEmpty" | "isFull" | "file"> {
    return this.#filing;
  }

  /** See {@linkcode WriteCalls.commit}. */
  commit({ entries, at, epoch }: Batch): Outcome[] {
    if (epoch <= this.#failedEpoch) return entries.map(() => OVERTAKING);
    // Whoever reads looks through everything that is not filed.
    if (this.#filing.overflows) {
      this.#failedEpoch = epoch;
      return entries.map(() => OVERFLOWS);
    }
    return this.#commit(entries, { at, epoch });
  }

  /** Commits entries together; if one of them cannot be stored, the others without it. */
  #commit(entries: readonly NewMessage[], { at, epoch }: { at: number; epoch: number }): Outcome[] {
    if (epoch <= this.#failedEpoch) return entries.map(() => OVERTAKING);
    try {
      const planned = this.#transactions.run(() => this.#writeAll(entries, at));
      return this.#note(planned);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.unavailable) this.#failedEpoch = epoch;
      if (failure.unavailable || entries.length === 1) return entries.map(() => failure);
      const middle = entries.length >> 1;
      return [entries.slice(0, middle), entries.slice(middle)]
        .flatMap((half) => this.#commit(half, { at, epoch }));
    }
  }

  /** Plans and writes entries in their order; what each may depend on is written before it is planned. */
  #writeAll(entries: readonly NewMessage[], at: number): Planned {
    const before = new Written();
    const all: Planned = { outcomes: [], rows: [], first: this.#filing.last + 1 };
    for (const run of runs(entries)) {
      const { outcomes, rows } = plan(run, { facts: this.#facts, at, before });
      this.#write(rows, { first: all.first + all.rows.length, at });
      all.outcomes.push(...outcomes);
      all.rows.push(...rows);
    }
    return all;
  }

  /** Writes what was planned, under ids from `first` on. */
  #write(rows: Plan<NewMessage>["rows"], { first, at: time }: { first: number; at: number }): void {
    const newest = new Map<string, number>();
    for (const { entry, message, begins } of rows) {
      newest.set(message.conv, message.seq);
      if (begins) {
        this.#newProgress.run(entry.sender, entry.conv);
        this.#newProgress.run(entry.to!, entry.conv);
      }
    }
    inParts(rows, (part, at) => {
      const values: SQLInputValue[] = [first + at, time];
      for (const { message: { conv, seq, sender, mid, kind, body, ref } } of part) {
        values.push(conv, seq, sender, mid, kind, body, ref ?? null);
      }
      (part.length === ROWS ? this.#insertMany : this.#insert).run(...values);
    });
    inParts([...newest], (part) => {
      (part.length === ROWS ? this.#setSeqs : this.#setSeq).run(...part.flat());
    });
    for (const row of rows) {
      for (const effect of row.effects) this.#carryOut[effect](row);
    }
  }

  /** Remembers what was committed. */
  #note({ outcomes, rows, first }: Planned): Outcome[] {
    if (this.#newest.size > MAX_KNOWN) this.#newest.clear();
    rows.forEach(({ message, effects }, i) => {
      const { conv, seq, sender, mid } = message;
      this.#newest.set(conv, seq);
      if (effects.some((effect) => ERASING.has(effect))) this.#hasErased = true;
      this.#filing.note({ id: first + i, conv, seq, sender, mid });
    });
    return outcomes.map((outcome) =>
      "refused" in outcome ? outcome.refused : outcome.fresh ? outcome.stored.seq : outcome.stored
    );
  }
}

/** Calls `run` with parts of {@linkcode ROWS} and where each begins, as long as there are so many; then with single ones. */
function inParts<T>(all: readonly T[], run: (part: readonly T[], at: number) => void): void {
  let at = 0;
  for (; at + ROWS <= all.length; at += ROWS) run(all.slice(at, at + ROWS), at);
  for (; at < all.length; at++) run([all[at]!], at);
}

/** Parameters: the id of the first row, the time, then seven a row. */
function insertOf(rows: number): string {
  const values = Array.from({ length: rows }, (_, i) => `(?1 + ${i}, ?2, ?, ?, ?, ?, ?, ?, ?)`);
  return `INSERT INTO entry (id, at, conv, seq, sender, mid, kind, body, ref) VALUES ${values.join(", ")}`;
}

/** Parameters: conversation and newest number, for each row. */
function setSeqOf(rows: number): string {
  return `INSERT INTO conversation (conv, seq) VALUES ${Array(rows).fill("(?, ?)").join(", ")}
          ON CONFLICT (conv) DO UPDATE SET seq = excluded.seq`;
}

const OVERTAKING: Failure = { failed: "what came before could not be stored", unavailable: true };
const OVERFLOWS: Failure = { failed: "messages cannot be filed: is the disk full?", unavailable: true };

function failureOf(error: unknown): Failure {
  const failed = error instanceof Error ? error.message : String(error);
  return { failed, unavailable: error instanceof StoreUnavailable };
}
