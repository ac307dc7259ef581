import { codeOf, type Database } from "./database.ts";
import { OnlineUsers } from "./online.ts";
import { type Lease, type LeaseStore } from "../store.ts";

const TTL = 5000;
/** The store's clock in Unix milliseconds. */
const NOW = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
const DEAD = `beat < ${NOW} - ${TTL}`;

/**
 * Leases as rows: `session` has one for each user, `node` one for each node. A node's row is locked by whoever judges
 * whether it lives, and by its own heartbeat, so that the two come one after the other.
 */
export class MysqlLeases implements LeaseStore {
  readonly ttl = TTL;
  readonly #db: Database;
  readonly #pulse: Database;
  readonly #online: OnlineUsers;

  /** @param pulse Connections for the heartbeat only: it must not wait behind anything else. */
  constructor(db: Database, pulse: Database) {
    this.#db = db;
    this.#pulse = pulse;
    this.#online = new OnlineUsers(db);
  }

  async beat(node: string): Promise<void> {
    await this.#pulse.run(
      `INSERT INTO node (id, beat) VALUES (?, ${NOW}) ON DUPLICATE KEY UPDATE beat = ${NOW}`,
      [node],
    );
  }

  async take(lease: Lease, options: { mayBury: boolean }): Promise<Lease | undefined> {
    const { user, node, session } = lease;
    const { changed } = await this.#db.run(
      "INSERT INTO session (userid, node, session) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE userid = userid",
      [user, node, session],
    );
    if (changed > 0) return undefined;
    try {
      return await this.#takeOver(lease, options);
    } catch (error) {
      if (codeOf(error) !== "ER_DUP_ENTRY") throw error;
      // Given back and taken by somebody else in between.
      return await this.take(lease, options);
    }
  }

  async #takeOver(lease: Lease, options: { mayBury: boolean }): Promise<Lease | undefined> {
    const { user, node, session } = lease;
    return await this.#db.transaction(async (tx) => {
      const [holder] = await tx.rows<Lease>(
        "SELECT userid AS user, node, session FROM session WHERE userid = ? FOR UPDATE",
        [user],
      );
      if (!holder) {
        await tx.run("INSERT INTO session (userid, node, session) VALUES (?, ?, ?)", [user, node, session]);
        return undefined;
      }
      if (!options.mayBury || await isAlive(tx, holder.node)) return holder;
      await tx.run("UPDATE session SET node = ?, session = ?, wanted = FALSE WHERE userid = ?", [
        node,
        session,
        user,
      ]);
      return undefined;
    });
  }

  async want(user: number): Promise<void> {
    await this.#db.run("UPDATE session SET wanted = TRUE WHERE userid = ?", [user]);
  }

  async release({ user, session }: Pick<Lease, "user" | "session">): Promise<void> {
    await this.#db.run("DELETE FROM session WHERE userid = ? AND session = ?", [user, session]);
  }

  async held(node: string): Promise<{ user: number; session: string; wanted: boolean }[]> {
    const rows = await this.#pulse.rows<{ user: number; session: string; wanted: number }>(
      "SELECT userid AS user, session, wanted FROM session WHERE node = ? LOCK IN SHARE MODE",
      [node],
    );
    return rows.map(({ user, session, wanted }) => ({ user, session, wanted: Boolean(wanted) }));
  }

  online(users: readonly number[]): Promise<Set<number>> {
    return this.#online.of(users);
  }

  async bury(): Promise<number[]> {
    const dead = await this.#db.rows<{ id: string }>(`SELECT id FROM node WHERE ${DEAD}`);
    const freed: number[] = [];
    for (const { id } of dead) freed.push(...await this.#bury(id));
    return freed;
  }

  async leave(node: string): Promise<void> {
    await this.#remove(this.#db, node);
  }

  async #bury(node: string): Promise<number[]> {
    return await this.#db.transaction(async (tx) => {
      const rows = await tx.rows(`SELECT id FROM node WHERE id = ? AND ${DEAD} FOR UPDATE`, [node]);
      if (rows.length === 0) return [];
      const users = await tx.rows<{ userid: number }>(
        "SELECT userid FROM session WHERE node = ? FOR UPDATE",
        [node],
      );
      await this.#remove(tx, node);
      return users.map(({ userid }) => userid);
    });
  }

  async #remove(session: Pick<Database, "run">, node: string): Promise<void> {
    await session.run("DELETE FROM session WHERE node = ?", [node]);
    await session.run("DELETE FROM node WHERE id = ?", [node]);
  }
}

/** Waits for a heartbeat of that node that is being written. */
async function isAlive(tx: Pick<Database, "rows">, node: string): Promise<boolean> {
  return (await tx.rows(`SELECT id FROM node WHERE id = ? AND NOT (${DEAD}) LOCK IN SHARE MODE`, [node]))
    .length > 0;
}
