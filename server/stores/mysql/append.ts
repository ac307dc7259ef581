import type { LogMessage } from "../../protocol/messages.ts";
import {
  codeOf,
  type Database,
  inParts,
  placeholders,
  roundedUp,
  type Session,
  type Value,
} from "./database.ts";
import { KnownNumbers } from "./known.ts";
import { MESSAGE_COLUMNS, type MessageRow, NEWEST, toMessage } from "./log.ts";
import { type Appended, type NewMessage, StoreUnavailable } from "../store.ts";

/**
 * An entry with the mid that it is stored under: the client's, or one made here, once, so that trying again finds it.
 */
export type Entry = NewMessage & { readonly key: string };

export function withKey(message: NewMessage): Entry {
  return { ...message, key: message.mid ?? `~${crypto.randomUUID()}` };
}

/** How often a batch is tried, in all, when the connection breaks or another node was faster. */
const ATTEMPTS = 10;
/** After so many clashes with other nodes they are kept out. */
const CLASHES = 2;
/** How long to wait before trying again on a new connection, in ms. */
const RECONNECT_PAUSE = 50;
/** After this the batch is not tried on another connection, in ms. */
const PATIENCE = 300;

/**
 * Commits batches of entries. Where nobody else has written to their conversations of late it is one statement: the
 * entries are inserted under the numbers that are likely to be next, and the primary key refuses them if they are not.
 * Everything else is a transaction that locks its conversations, in the order of their names, so that two of them
 * cannot deadlock, and asks for their newest numbers.
 *
 * A batch of which a part was stored before, or whose outcome is unknown because the connection was lost while it
 * committed, runs into the unique key on (sender, mid) when it is tried again; then it is looked up what is there.
 */
export class MysqlAppend {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #known = new KnownNumbers();

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
    db.onConnection(() => this.#known.forgetAll());
  }

  async commit(entries: readonly Entry[]): Promise<Appended[]> {
    const unsure = new Set(entries.filter((entry) => !this.#isSure(entry)).map(({ conv }) => conv));
    const quick = inOrder(entries.filter(({ conv }) => !unsure.has(conv)));
    const done = new Map<Entry, Appended>();
    const left = entries.filter(({ conv }) => unsure.has(conv));
    let failed = false;
    for (const part of inParts(quick)) {
      const messages: LogMessage[] | undefined = failed ? undefined : await this.#guess(part);
      if (messages) part.forEach((entry, i) => done.set(entry, { stored: messages[i]!, fresh: true }));
      else left.push(...part);
      failed ||= messages === undefined;
    }
    if (left.length > 0) {
      const results = await this.#carefully(left, { lookUp: failed });
      left.forEach((entry, i) => done.set(entry, results[i]!));
    }
    return entries.map((entry) => done.get(entry)!);
  }

  /** What has effects beyond its row needs a transaction. */
  #isSure({ conv, kind }: Entry): boolean {
    return kind === "chat" && this.#known.guess(conv) !== undefined;
  }

  /** Inserts entries under the numbers that should be next; undefined if it failed or nobody knows whether it did. */
  async #guess(entries: readonly Entry[]): Promise<LogMessage[] | undefined> {
    try {
      return await this.#db.withSession(async (session) => {
        const draft = this.#draft(entries);
        if (!draft) return undefined;
        await insert(session, draft.rows);
        this.#note(draft);
        return draft.rows.map(({ key: _, ...message }) => message);
      });
    } catch (error) {
      for (const { conv } of entries) this.#known.forget(conv);
      const mayPass = ["ER_DUP_ENTRY", "ER_LOCK_DEADLOCK"].includes(codeOf(error));
      if (mayPass || error instanceof StoreUnavailable) return undefined;
      throw error;
    }
  }

  /** The rows to insert; undefined if a number has been forgotten, as all are when there is a new connection. */
  #draft(entries: readonly Entry[]) {
    const at = this.#now();
    const before = new Map<string, number>();
    const newest = new Map<string, number>();
    const rows: (LogMessage & { key: string })[] = [];
    for (const entry of entries) {
      const { conv, key } = entry;
      const known = newest.get(conv) ?? this.#known.guess(conv);
      if (known === undefined) return undefined;
      if (!before.has(conv)) before.set(conv, known);
      newest.set(conv, known + 1);
      rows.push({ ...messageOf(entry, { seq: known + 1, at }), key });
    }
    return { rows, before, newest, generation: this.#known.generation };
  }

  /**
   * @param options `firm`: for entries of one conversation; keeps others out of it while its newest number is in use,
   * also those who guess.
   */
  async #carefully(
    entries: readonly Entry[],
    options: { lookUp: boolean; firm?: boolean },
  ): Promise<Appended[]> {
    const { firm = false } = options;
    let { lookUp } = options;
    let clashes = 0;
    const deadline = performance.now() + PATIENCE;
    for (let attempt = 1;; attempt++) {
      const { generation } = this.#known;
      try {
        const batch = { lookUp, firm, at: this.#now() };
        const done = await this.#db.transaction((tx) => new Batch(tx, batch).run(entries), { firm });
        this.#note({ ...done, generation });
        return done.results;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        lookUp = true;
        if (codeOf(error) === "ER_DUP_ENTRY") {
          if (!firm && ++clashes === CLASHES) return await this.#firmly(entries);
          continue;
        }
        if (!(error instanceof StoreUnavailable) || performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE));
      }
    }
  }

  /** Another node that guesses could be faster for ever. One conversation after the other, so that nobody deadlocks. */
  async #firmly(entries: readonly Entry[]): Promise<Appended[]> {
    const results = new Map<Entry, Appended>();
    for (const group of Map.groupBy(entries, ({ conv }) => conv).values()) {
      const done = await this.#carefully(group, { lookUp: true, firm: true });
      group.forEach((entry, i) => results.set(entry, done[i]!));
    }
    return entries.map((entry) => results.get(entry)!);
  }

  #note(found: {
    before: ReadonlyMap<string, number>;
    newest: ReadonlyMap<string, number>;
    generation: number;
  }): void {
    if (found.generation !== this.#known.generation) return;
    for (const [conv, seq] of found.newest) {
      this.#known.note(conv, { before: found.before.get(conv) ?? 0, seq });
    }
  }
}

function messageOf(entry: Entry, { seq, at }: { seq: number; at: number }): LogMessage {
  const { conv, kind, sender, senderName, mid, body } = entry;
  return { conv, seq, kind, sender, senderName, mid, body, at };
}

/** By conversation, and in each as they came. */
function inOrder<T extends { readonly conv: string }>(entries: readonly T[]): T[] {
  return entries.toSorted((a, b) => a.conv === b.conv ? 0 : a.conv < b.conv ? -1 : 1);
}

async function insert(
  session: Session,
  rows: readonly (LogMessage & { readonly key: string })[],
): Promise<void> {
  await session.run(
    `INSERT INTO message (conv, seq, sender, mid, kind, body, at) VALUES ${placeholders(rows.length, 7)}`,
    rows.flatMap((
      { conv, seq, sender, key, kind, body, at },
    ): Value[] => [conv, seq, sender, key, kind, body, at]),
  );
}

interface Done {
  readonly results: Appended[];
  /** The newest numbers of the conversations, before and now. */
  readonly before: ReadonlyMap<string, number>;
  readonly newest: ReadonlyMap<string, number>;
}

/** One attempt at one batch. */
class Batch {
  readonly #tx: Session;
  readonly #lookUp: boolean;
  readonly #firm: boolean;
  readonly #at: number;
  readonly #newest = new Map<string, number>();
  readonly #before = new Map<string, LogMessage>();
  readonly #rows: (LogMessage & { key: string })[] = [];
  readonly #begun: Entry[] = [];
  #users = new Set<number>();

  constructor(tx: Session, options: { lookUp: boolean; firm: boolean; at: number }) {
    this.#tx = tx;
    this.#lookUp = options.lookUp;
    this.#firm = options.firm;
    this.#at = options.at;
  }

  async run(entries: readonly Entry[]): Promise<Done> {
    await this.#lock(entries);
    const before = new Map(this.#newest);
    // What has effects beyond its row must not have them twice; a plain message finds out by inserting.
    await this.#findStored(this.#lookUp ? entries : entries.filter(({ kind }) => kind !== "chat"));
    await this.#findUsers(entries);
    const results: Appended[] = [];
    for (const entry of entries) results.push(await this.#append(entry));
    await this.#write();
    return { results, before, newest: this.#newest };
  }

  async #lock(entries: readonly Entry[]): Promise<void> {
    const convs = roundedUp([...new Set(entries.map(({ conv }) => conv))].sort());
    const these = `conversation.conv IN (${placeholders(convs.length)})`;
    const begun = await this.#tx.rows<{ conv: string }>(
      `SELECT conv FROM conversation WHERE ${these} ORDER BY conv FOR UPDATE`,
      convs,
    );
    // Its gap lock is what keeps others out. InnoDB takes one for reads in descending order, too.
    if (this.#firm && begun.length > 0) {
      await this.#tx.rows(
        "SELECT seq FROM message WHERE conv = ? ORDER BY seq DESC LIMIT 1 FOR UPDATE",
        begun.slice(0, 1).map(({ conv }) => conv),
      );
    }
    // Not by the same statement: what it reads without a lock is as old as its begin.
    const rows = await this.#tx.rows<{ conv: string; seq: number }>(
      `SELECT conversation.conv, ${NEWEST("conversation")} AS seq FROM conversation WHERE ${these}`,
      convs,
    );
    for (const { conv, seq } of rows) this.#newest.set(conv, seq);
  }

  async #findStored(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const some = roundedUp(entries);
    const rows = await this.#tx.rows<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM message JOIN user ON user.id = message.sender
        WHERE (message.sender, message.mid) IN (${placeholders(some.length, 2)})`,
      some.flatMap(({ sender, key }) => [sender, key]),
    );
    for (const row of rows) this.#before.set(`${row.sender} ${row.mid}`, toMessage(row));
  }

  /** Looks up who is written to for the first time. */
  async #findUsers(entries: readonly Entry[]): Promise<void> {
    const unknown = entries.flatMap(({ conv, to }) => to === undefined || this.#newest.has(conv) ? [] : [to]);
    if (unknown.length === 0) return;
    const ids = roundedUp(unknown);
    const rows = await this.#tx.rows<{ id: number }>(
      `SELECT id FROM user WHERE id IN (${placeholders(ids.length)})`,
      ids,
    );
    this.#users = new Set(rows.map(({ id }) => id));
  }

  async #append(entry: Entry): Promise<Appended> {
    const { conv, kind, sender, to, key } = entry;
    const stored = this.#before.get(`${sender} ${key}`);
    if (stored) return { stored, fresh: false };
    if (!this.#newest.has(conv)) {
      if (to === undefined) return { refused: "not_a_member" };
      if (!this.#users.has(to)) return { refused: "no_user" };
    }
    if (kind !== "chat") {
      const refused = await this.#friendStep(entry);
      if (refused) return { refused };
    }
    const newest = this.#newest.get(conv);
    if (newest === undefined) this.#begun.push(entry);
    const seq = (newest ?? 0) + 1;
    const message = messageOf(entry, { seq, at: this.#at });
    this.#newest.set(conv, seq);
    this.#before.set(`${sender} ${key}`, message);
    this.#rows.push({ ...message, key });
    return { stored: message, fresh: true };
  }

  async #friendStep({ kind, sender, to }: Entry): Promise<"already" | "no_request" | undefined> {
    if (to === undefined) return "no_request";
    if (kind === "request") {
      const friends = await this.#tx.rows("SELECT userid FROM friend WHERE userid = ? AND friendid = ?", [
        sender,
        to,
      ]);
      if (friends.length > 0) return "already";
      const { changed } = await this.#tx.run(
        "INSERT INTO friendrequest (userid, friendid) VALUES (?, ?) ON DUPLICATE KEY UPDATE userid = userid",
        [sender, to],
      );
      return changed === 0 ? "already" : undefined;
    }
    const settle = "DELETE FROM friendrequest WHERE userid = ? AND friendid = ?";
    if ((await this.#tx.run(settle, [to, sender])).changed === 0) return "no_request";
    if (kind === "accept") {
      await this.#tx.run(settle, [sender, to]);
      await this.#tx.run(
        "INSERT INTO friend (userid, friendid, since) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE userid = userid",
        [sender, to, this.#at, to, sender, this.#at],
      );
    }
    return undefined;
  }

  async #write(): Promise<void> {
    if (this.#rows.length === 0) return;
    for (const part of inParts(inOrder(this.#rows))) await insert(this.#tx, part);
    if (this.#begun.length === 0) return;
    // Another node may have begun it at the same time.
    const convs = roundedUp(this.#begun.map(({ conv }) => conv));
    await this.#tx.run(
      `INSERT INTO conversation (conv) VALUES ${
        Array(convs.length).fill("(?)").join(", ")
      } ON DUPLICATE KEY UPDATE conv = VALUES(conv)`,
      convs,
    );
    const members = roundedUp(
      this.#begun.flatMap(({ conv, sender, to = sender }) =>
        sender === to ? [[sender, conv]] : [[sender, conv], [to, conv]]
      ),
    );
    await this.#tx.run(
      `INSERT INTO progress (userid, conv, joined, delivered, \`read\`)
       VALUES ${
        Array(members.length).fill("(?, ?, 0, 0, 0)").join(", ")
      } ON DUPLICATE KEY UPDATE userid = userid`,
      members.flat(),
    );
  }
}
