import type { LogMessage } from "../protocol/messages.ts";
import {
  codeOf,
  type Database,
  inParts,
  placeholders,
  roundedUp,
  type Session,
  type Value,
} from "./mysql_database.ts";
import { MESSAGE_COLUMNS, type MessageRow, toMessage } from "./mysql_log.ts";
import { type Appended, type NewMessage, StoreUnavailable } from "./store.ts";

/**
 * An entry with the mid that it is stored under: the client's, or one made here, once, so that trying again finds it.
 */
export type Entry = NewMessage & { readonly key: string };

export function withKey(message: NewMessage): Entry {
  return { ...message, key: message.mid ?? `~${crypto.randomUUID()}` };
}

/** How often a batch is tried, in all, when the connection breaks or another node was faster. */
const ATTEMPTS = 10;
/** How long to wait before trying again on a new connection, in ms. */
const RECONNECT_PAUSE = 50;
/** After this the batch is not tried on another connection, in ms. */
const PATIENCE = 300;

/**
 * Commits batches of entries: one transaction takes the next numbers of its conversations, in the order of their
 * names, so that two nodes cannot deadlock, and inserts the entries in one statement.
 *
 * A batch of which a part was stored before, or whose outcome is unknown because the connection was lost while it
 * committed, runs into the unique key on (sender, mid) when it is tried again; then it is looked up what is there.
 */
export class MysqlAppend {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  async commit(entries: readonly Entry[]): Promise<Appended[]> {
    let lookUp = false;
    const deadline = performance.now() + PATIENCE;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#db.transaction((tx) => new Batch(tx, { lookUp, at: this.#now() }).run(entries));
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        lookUp = true;
        if (codeOf(error) === "ER_DUP_ENTRY") continue;
        if (!(error instanceof StoreUnavailable) || performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE));
      }
    }
  }
}

/** One attempt at one batch. */
class Batch {
  readonly #tx: Session;
  readonly #lookUp: boolean;
  readonly #at: number;
  readonly #newest = new Map<string, number>();
  readonly #before = new Map<string, LogMessage>();
  readonly #rows: (LogMessage & { key: string })[] = [];
  readonly #begun: Entry[] = [];
  #users = new Set<number>();

  constructor(tx: Session, options: { lookUp: boolean; at: number }) {
    this.#tx = tx;
    this.#lookUp = options.lookUp;
    this.#at = options.at;
  }

  async run(entries: readonly Entry[]): Promise<Appended[]> {
    await this.#lock(entries);
    // What has effects beyond its row must not have them twice; a plain message finds out by inserting.
    await this.#findStored(this.#lookUp ? entries : entries.filter(({ kind }) => kind !== "chat"));
    await this.#findUsers(entries);
    const results: Appended[] = [];
    for (const entry of entries) results.push(await this.#append(entry));
    await this.#write();
    return results;
  }

  async #lock(entries: readonly Entry[]): Promise<void> {
    const convs = roundedUp([...new Set(entries.map(({ conv }) => conv))].sort());
    const rows = await this.#tx.rows<{ conv: string; seq: number }>(
      `SELECT conv, seq FROM conversation WHERE conv IN (${
        placeholders(convs.length)
      }) ORDER BY conv FOR UPDATE`,
      convs,
    );
    for (const { conv, seq } of rows) this.#newest.set(conv, seq);
  }

  async #findStored(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const rows = await this.#tx.rows<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM message JOIN user ON user.id = message.sender
        WHERE (message.sender, message.mid) IN (${placeholders(entries.length, 2)})`,
      entries.flatMap(({ sender, key }) => [sender, key]),
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
    const { conv, kind, sender, senderName, mid, body, to, key } = entry;
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
    const message = { conv, seq, kind, sender, senderName, mid, body, at: this.#at };
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
    const rows = this.#rows.sort((a, b) => a.conv === b.conv ? a.seq - b.seq : a.conv < b.conv ? -1 : 1);
    for (const part of inParts(rows)) {
      await this.#tx.run(
        `INSERT INTO message (conv, seq, sender, mid, kind, body, at) VALUES ${placeholders(part.length, 7)}`,
        part.flatMap((
          { conv, seq, sender, key, kind, body, at },
        ): Value[] => [conv, seq, sender, key, kind, body, at]),
      );
    }
    const convs = roundedUp([...new Set(rows.map(({ conv }) => conv))]);
    await this.#tx.run(
      `INSERT INTO conversation (conv, seq) VALUES ${placeholders(convs.length, 2)}
       ON DUPLICATE KEY UPDATE seq = VALUES(seq)`,
      convs.flatMap((conv) => [conv, this.#newest.get(conv)!]),
    );
    if (this.#begun.length === 0) return;
    const members = this.#begun.flatMap(({ conv, sender, to = sender }) =>
      sender === to ? [[sender, conv]] : [[sender, conv], [to, conv]]
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
