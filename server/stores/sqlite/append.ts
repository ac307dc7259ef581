import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Between, Effect } from "../../protocol/kinds.ts";
import type { LogMessage } from "../../protocol/messages.ts";
import { type Facts, type Plan, plan } from "../plan.ts";
import { type NewMessage, StoreUnavailable } from "../store.ts";
import { Filing } from "./filing.ts";
import { MESSAGE } from "./messages.ts";
import { Statement, Transactions } from "./statements.ts";
import type { Batch, Failure, Outcome, Report } from "./writes.ts";

/** So many rows are written by one statement, if there are as many. */
const ROWS = 32;
/** Conversations whose newest number is kept in memory. */
const MAX_KNOWN = 50_000;

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
  readonly #insert: Statement<never>;
  readonly #insertMany: Statement<never>;
  readonly #setSeq: Statement<never>;
  readonly #setSeqs: Statement<never>;
  readonly #newProgress: Statement<never>;
  readonly #ask: Statement<never>;
  readonly #befriend: Statement<never>;
  readonly #answer: Statement<never>;

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
    this.#ask = new Statement(
      db,
      "INSERT INTO friendrequest (userid, friendid) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#answer = new Statement(db, "DELETE FROM friendrequest WHERE userid = ? AND friendid = ?");
    this.#befriend = new Statement(
      db,
      "INSERT INTO friend (userid, friendid, since) VALUES (?1, ?2, ?3), (?2, ?1, ?3) ON CONFLICT DO NOTHING",
    );
    for (const { conv, seq } of this.#filing.recall()) {
      this.#newest.set(conv, Math.max(seq, this.#facts.newest(conv) ?? 0));
    }
    this.#filing.file();
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
      const planned = this.#transactions.run(() => {
        const planned = plan(entries, { facts: this.#facts, at });
        return { planned, first: this.#write(planned, at) };
      });
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

  /** Writes what was planned. The id of the first row. */
  #write({ rows }: Plan<NewMessage>, time: number): number {
    const first = this.#filing.last + 1;
    const newest = new Map<string, number>();
    for (const { entry, message, begins, effects } of rows) {
      newest.set(message.conv, message.seq);
      if (begins) {
        this.#newProgress.run(entry.sender, entry.conv);
        this.#newProgress.run(entry.to!, entry.conv);
      }
      for (const effect of effects) this.#effect[effect](entry, time);
    }
    inParts(rows, (part, at) => {
      const values: SQLInputValue[] = [first + at, time];
      for (const { message: { conv, seq, sender, mid, kind, body } } of part) {
        values.push(conv, seq, sender, mid, kind, body);
      }
      (part.length === ROWS ? this.#insertMany : this.#insert).run(...values);
    });
    inParts([...newest], (part) => {
      (part.length === ROWS ? this.#setSeqs : this.#setSeq).run(...part.flat());
    });
    return first;
  }

  readonly #effect: Record<Effect, (entry: NewMessage, at: number) => void> = {
    ask: ({ sender, to }) => this.#ask.run(sender, to!),
    answer: ({ sender, to }) => this.#answer.run(to!, sender),
    befriend: ({ sender, to }, at) => {
      this.#answer.run(to!, sender);
      this.#answer.run(sender, to!);
      this.#befriend.run(sender, to!, at);
    },
  };

  /** Remembers what was committed. */
  #note({ planned, first }: { planned: Plan<NewMessage>; first: number }): Outcome[] {
    if (this.#newest.size > MAX_KNOWN) this.#newest.clear();
    planned.rows.forEach(({ message }, i) => {
      const { conv, seq, sender, mid } = message;
      this.#newest.set(conv, seq);
      this.#filing.note({ id: first + i, conv, seq, sender, mid });
    });
    return planned.outcomes.map((outcome) =>
      "refused" in outcome ? outcome.refused : outcome.fresh ? outcome.stored.seq : outcome.stored
    );
  }
}

/** What the database says, with what is known without asking it. */
function facts(
  db: DatabaseSync,
  { newest, filing }: { newest: ReadonlyMap<string, number>; filing: Filing },
): Facts {
  // The larger one, should they differ: a number that is taken is never given again.
  const seq = new Statement<{ seq: number }>(
    db,
    `SELECT max(seq, coalesce((SELECT max(seq) FROM entry_place WHERE entry_place.conv = conversation.conv), 0)) AS seq
       FROM conversation WHERE conv = ?`,
  );
  const idOf = new Statement<{ id: number }>(db, "SELECT id FROM entry_mid WHERE sender = ? AND mid = ?");
  const message = new Statement<LogMessage>(db, MESSAGE);
  const user = new Statement<{ id: number }>(db, "SELECT id FROM user WHERE id = ?");
  const between = new Statement<Record<keyof Between, number>>(
    db,
    `SELECT EXISTS (SELECT 1 FROM friend WHERE userid = ?1 AND friendid = ?2) AS friends,
            EXISTS (SELECT 1 FROM friendrequest WHERE userid = ?1 AND friendid = ?2) AS asked,
            EXISTS (SELECT 1 FROM friendrequest WHERE userid = ?2 AND friendid = ?1) AS wanted`,
  );
  return {
    newest: (conv) => newest.get(conv) ?? seq.get(conv)?.seq,
    stored({ sender, mid }): LogMessage | undefined {
      if (mid === null) return undefined;
      const id = filing.find(sender, mid) ?? idOf.get(sender, mid)?.id;
      return id === undefined ? undefined : message.get(id);
    },
    isUser: (id) => user.get(id) !== undefined,
    between({ sender, to }) {
      const { friends, asked, wanted } = between.get(sender, to!)!;
      return { friends: friends > 0, asked: asked > 0, wanted: wanted > 0 };
    },
  };
}

/** Calls `run` with parts of {@linkcode ROWS} and where each begins, as long as there are so many; then with single ones. */
function inParts<T>(all: readonly T[], run: (part: readonly T[], at: number) => void): void {
  let at = 0;
  for (; at + ROWS <= all.length; at += ROWS) run(all.slice(at, at + ROWS), at);
  for (; at < all.length; at++) run([all[at]!], at);
}

/** Parameters: the id of the first row, the time, then six a row. */
function insertOf(rows: number): string {
  const values = Array.from({ length: rows }, (_, i) => `(?1 + ${i}, ?2, ?, ?, ?, ?, ?, ?)`);
  return `INSERT INTO entry (id, at, conv, seq, sender, mid, kind, body) VALUES ${values.join(", ")}`;
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
