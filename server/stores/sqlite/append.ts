import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { LogMessage } from "../../protocol/messages.ts";
import { MESSAGE, type MessageRow } from "./log.ts";
import { Statement, Transactions } from "./statements.ts";
import { type NewMessage, type Refused, StoreUnavailable } from "../store.ts";

/** Some entries to be committed together. */
export interface Batch {
  readonly entries: readonly NewMessage[];
  /** Unix milliseconds. */
  readonly at: number;
  /** See {@linkcode SqliteAppend.commit}. */
  readonly epoch: number;
}

/** What became of an entry: its number, why it was refused, or the message that was stored under its mid before. */
export type Outcome = number | Refused | LogMessage;

/** A transaction that is being put together. */
interface Draft {
  readonly at: number;
  /** Messages to be inserted. */
  readonly rows: SQLInputValue[][];
  /** Conversations that have a new number. */
  readonly touched: Set<string>;
  /** What was added to the keys in memory. */
  readonly keys: string[];
}

/**
 * So many arrived messages, or characters of text, are filed together. More are cheaper a message, and keep a commit
 * waiting for longer.
 */
const FILE_AT = { messages: 4000, text: 8_000_000 } as const;
/** So many times as much may arrive while filing fails. */
const OVERFLOW = 10;
/** So many messages are inserted by one statement, if there are as many. */
const ROWS = 32;
/** Conversations whose newest number is kept in memory. */
const MAX_KNOWN = 50_000;

/**
 * Commits batches of messages, in two steps: a commit appends them to `message_arrived`, which has no keys and so costs
 * a page for dozens of them, however many conversations they belong to; later they are filed in `message_filed`, whose
 * keys put each in a place of its own. That a (sender, mid) is there once is a key of the second table; for what has
 * not been filed it is remembered here.
 */
export class SqliteAppend {
  readonly #transactions: Transactions;
  /** Sender and mid of what has arrived and is not filed. */
  readonly #arrived = new Set<string>();
  #unfiled = 0;
  #unfiledText = 0;
  /** The newest numbers of conversations; nobody else writes to them. */
  readonly #newest = new Map<string, number>();
  #failedEpoch = -1;
  readonly #seq: Statement<{ seq: number }>;
  readonly #setSeq: Statement<never>;
  readonly #newConversation: Statement<never>;
  readonly #newProgress: Statement<never>;
  readonly #user: Statement<{ id: number }>;
  readonly #insert: Statement<never>;
  readonly #insertMany: Statement<never>;
  readonly #isFiled: Statement<{ seq: number }>;
  readonly #byMid: Statement<MessageRow>;
  readonly #isFriend: Statement<{ userid: number }>;
  readonly #befriend: Statement<never>;
  readonly #ask: Statement<never>;
  readonly #answer: Statement<never>;
  readonly #file: Statement<never>;
  readonly #clear: Statement<never>;
  readonly #db: DatabaseSync;
  readonly #synchronous: number;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#transactions = new Transactions(db);
    this.#synchronous = new Statement<{ synchronous: number }>(db, "PRAGMA synchronous").get()!.synchronous;
    this.#seq = new Statement(db, "SELECT seq FROM conversation WHERE conv = ?");
    this.#setSeq = new Statement(db, "UPDATE conversation SET seq = ? WHERE conv = ?");
    this.#newConversation = new Statement(db, "INSERT INTO conversation (conv, seq) VALUES (?, 0)");
    this.#newProgress = new Statement(
      db,
      `INSERT INTO progress (userid, conv, joined, delivered, "read") VALUES (?, ?, 0, 0, 0)
       ON CONFLICT (userid, conv) DO NOTHING`,
    );
    this.#user = new Statement(db, "SELECT id FROM user WHERE id = ?");
    const insert = "INSERT INTO message_arrived (conv, seq, sender, mid, kind, body, at) VALUES";
    const row = "(?, ?, ?, ?, ?, ?, ?)";
    this.#insert = new Statement(db, `${insert} ${row}`);
    this.#insertMany = new Statement(db, `${insert} ${Array(ROWS).fill(row).join(", ")}`);
    this.#isFiled = new Statement(db, "SELECT seq FROM message_filed WHERE sender = ? AND mid = ?");
    this.#byMid = new Statement(db, `${MESSAGE} WHERE message.sender = ? AND message.mid = ?`);
    this.#isFriend = new Statement(db, "SELECT userid FROM friend WHERE userid = ? AND friendid = ?");
    this.#befriend = new Statement(
      db,
      "INSERT INTO friend (userid, friendid, since) VALUES (?1, ?2, ?3), (?2, ?1, ?3) ON CONFLICT DO NOTHING",
    );
    this.#ask = new Statement(
      db,
      "INSERT INTO friendrequest (userid, friendid) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#answer = new Statement(db, "DELETE FROM friendrequest WHERE userid = ? AND friendid = ?");
    // Neighbours in the keys one after the other: each page is written once.
    this.#file = new Statement(
      db,
      `INSERT INTO message_filed (conv, seq, sender, mid, kind, body, at)
       SELECT conv, seq, sender, mid, kind, body, at FROM message_arrived ORDER BY conv, seq`,
    );
    this.#clear = new Statement(db, "DELETE FROM message_arrived");
    // What an earlier process left.
    this.#unfiled = new Statement<{ n: number }>(db, "SELECT count(*) AS n FROM message_arrived").get()!.n;
    this.file();
  }

  /** Messages that have arrived and are not filed. */
  get unfiled(): number {
    return this.#unfiled;
  }

  /**
   * Commits a batch in one transaction. Callers need not wait for one batch before they give the next: after one has
   * failed those of the same epoch (and of earlier ones) are refused, so that none overtakes it; whoever has heard of
   * the failure goes on in a new epoch.
   */
  commit({ entries, at, epoch }: Batch): Outcome[] {
    if (epoch <= this.#failedEpoch) throw new StoreUnavailable("what came before could not be stored");
    const draft: Draft = { at, rows: [], touched: new Set(), keys: [] };
    let outcomes: Outcome[];
    try {
      // Whoever reads looks through all that has arrived.
      if (this.#holds(OVERFLOW)) throw new StoreUnavailable("messages cannot be filed: is the disk full?");
      outcomes = this.#transactions.run(() => {
        const outcomes = entries.map((entry) => this.#append(entry, draft));
        this.#write(draft.rows);
        for (const conv of draft.touched) this.#setSeq.run(this.#newest.get(conv)!, conv);
        return outcomes;
      });
    } catch (error) {
      this.#failedEpoch = epoch;
      this.#newest.clear();
      for (const key of draft.keys) this.#arrived.delete(key);
      throw error;
    }
    for (let i = 0; i < outcomes.length; i++) {
      if (typeof outcomes[i] !== "number") continue;
      this.#unfiled++;
      this.#unfiledText += entries[i]!.body.length;
    }
    if (this.#newest.size > MAX_KNOWN) this.#newest.clear();
    return outcomes;
  }

  /** Whether enough has arrived to file it. */
  get isFull(): boolean {
    return this.#holds(1);
  }

  /** Files what has arrived. If it fails nothing is lost: it stays where it is, to be filed with what comes. */
  file(): void {
    if (this.#unfiled === 0) return;
    // Durable are the messages already: where they stand after a power failure does not matter.
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      this.#transactions.run(() => {
        this.#file.run();
        this.#clear.run();
      });
    } finally {
      this.#db.exec(`PRAGMA synchronous = ${this.#synchronous}`);
    }
    this.#unfiled = this.#unfiledText = 0;
    this.#arrived.clear();
  }

  #holds(times: number): boolean {
    return this.#unfiled >= times * FILE_AT.messages || this.#unfiledText >= times * FILE_AT.text;
  }

  #append(message: NewMessage, draft: Draft): Outcome {
    const { conv, kind, sender, mid, body } = message;
    const key = `${sender} ${mid}`;
    if (mid !== null && (this.#arrived.has(key) || this.#isFiled.get(sender, mid))) {
      // It may be one of this very batch.
      this.#write(draft.rows);
      return this.#byMid.get(sender, mid)!;
    }
    let seq = this.#newest.get(conv) ?? this.#seq.get(conv)?.seq;
    if (seq === undefined) {
      const refused = this.#refuseNew(message);
      if (refused) return refused;
    }
    if (kind !== "chat") {
      const refused = this.#friendStep(message, draft.at);
      if (refused) return refused;
    }
    if (seq === undefined) {
      this.#newConversation.run(conv);
      this.#newProgress.run(sender, conv);
      this.#newProgress.run(message.to!, conv);
      seq = 0;
    }
    draft.rows.push([conv, ++seq, sender, mid, kind, body, draft.at]);
    draft.touched.add(conv);
    this.#newest.set(conv, seq);
    if (mid !== null) {
      draft.keys.push(key);
      this.#arrived.add(key);
    }
    return seq;
  }

  /** Inserts rows, and takes them out of the array. */
  #write(rows: SQLInputValue[][]): void {
    while (rows.length >= ROWS) this.#insertMany.run(...rows.splice(0, ROWS).flat());
    for (const row of rows.splice(0)) this.#insert.run(...row);
  }

  /** A pair's conversation begins with its first message, a group's with the group. */
  #refuseNew(message: NewMessage): Refused | undefined {
    if (message.to === undefined) return "not_a_member";
    return this.#user.get(message.to) ? undefined : "no_user";
  }

  #friendStep({ kind, sender, to }: NewMessage, at: number): Refused | undefined {
    if (to === undefined) return "no_request";
    if (kind === "request") {
      if (this.#isFriend.get(sender, to)) return "already";
      return this.#ask.run(sender, to) === 0 ? "already" : undefined;
    }
    if (this.#answer.run(to, sender) === 0) return "no_request";
    if (kind === "accept") {
      this.#answer.run(sender, to);
      this.#befriend.run(sender, to, at);
    }
    return undefined;
  }
}
