import { GroupCommit } from "../group_commit.ts";
import {
  type HeldLease,
  type Lease,
  type LeaseStore,
  type NodeBeat,
  type Pulse,
  StoreUnavailable,
  type UserDevice,
  type Want,
} from "../store.ts";
import { codeOf, type Database, padded, placeholders } from "./database.ts";
import { OnlineUsers } from "./online.ts";

/** Leases taken, or given back, in one statement. */
const AT_ONCE = 64;
const TOGETHER = { entries: AT_ONCE, size: AT_ONCE, sizeOf: () => 1 } as const;

type Given = Omit<Lease, "node">;
type Outcome<Result> = Promise<readonly (Result | Promise<Result>)[]>;

/** `session.wanted`. */
const WANTED = { takeover: 1, ended: 2 } as const satisfies Record<Want, number>;

/**
 * Leases as rows: `session` has one for each device, `node` one for each node. Everything is single statements that commit
 * by themselves, so that no lock outlives its statement. What concerns several users is one statement if none of their
 * rows is locked, and otherwise one statement for each lease, at the same time.
 */
export class MysqlLeases implements LeaseStore {
  readonly shared = true;
  readonly #db: Database;
  readonly #logins: Database;
  readonly #pulse: Database;
  readonly #online: OnlineUsers;
  readonly #compare: () => Promise<void>;
  /** Whether the heartbeat has a new connection, and nobody has looked yet what is behind it. */
  #isNew = false;
  readonly #takes: GroupCommit<Lease, Lease | undefined>;
  readonly #releases: GroupCommit<Given, void>;

  /**
   * @param options `logins`: for what concerns several users. `pulse`: for the heartbeat only, which must not wait behind
   * anything else. `db`: for the rest, which may wait for a locked row. `compare`: looks whether the database has what is
   * known to be committed; a heartbeat that comes back to a database waits for it, since nothing else may be written here
   * for long.
   */
  constructor(
    { db, logins, pulse, compare }: {
      db: Database;
      logins: Database;
      pulse: Database;
      compare: () => Promise<void>;
    },
  ) {
    this.#db = db;
    this.#logins = logins;
    this.#pulse = pulse;
    this.#compare = compare;
    pulse.onConnection(() => this.#isNew = true);
    this.#online = new OnlineUsers(logins);
    const { slots } = logins;
    this.#takes = new GroupCommit((leases) => this.#takeAll(leases), { ...TOGETHER, slots });
    this.#releases = new GroupCommit((leases) => this.#releaseAll(leases), { ...TOGETHER, slots });
  }

  async enter({ id, beat }: NodeBeat): Promise<void> {
    await this.#pulse.run(
      "INSERT INTO node (id, beat) VALUES (?, ?) ON DUPLICATE KEY UPDATE beat = beat + 1",
      [id, beat],
    );
  }

  async beat(node: string): Promise<Pulse> {
    const { changed } = await this.#pulse.run("UPDATE node SET beat = beat + 1 WHERE id = ?", [node]);
    const rows = await this.#pulse.rows<{ log: string; id: string | null; beat: number | null }>(
      "SELECT cluster.log, node.id, node.beat FROM cluster LEFT JOIN node ON TRUE WHERE cluster.id = 1",
    );
    const [row] = rows;
    if (!row) throw new Error("the table cluster has lost its row");
    if (this.#isNew) await this.#compare();
    this.#isNew = false;
    const nodes = rows.flatMap(({ id, beat }) => id === null || beat === null ? [] : [{ id, beat }]);
    return { ours: changed > 0, nodes, log: row.log };
  }

  take(lease: Lease): Promise<Lease | undefined> {
    return this.#takes.add(lease);
  }

  async want({ user, device }: UserDevice, why: Want): Promise<void> {
    await this.#db.run("UPDATE session SET wanted = ? WHERE userid = ? AND device = ?", [
      WANTED[why],
      user,
      device,
    ]);
  }

  release({ user, device, session }: Given): Promise<void> {
    return this.#releases.add({ user, device, session });
  }

  async of(user: number): Promise<Lease[]> {
    return await this.#db.rows<Lease>(
      "SELECT userid AS user, device, node, session FROM session WHERE userid = ?",
      [user],
    );
  }

  async held(node: string): Promise<HeldLease[]> {
    // The other leases of a user are neighbours of the row that is read anyway.
    const rows = await this.#pulse.rows<
      UserDevice & { session: string; wanted: number; elsewhere: number }
    >(
      `SELECT userid AS user, device, session, wanted,
              EXISTS (SELECT 1 FROM session AS other
                       WHERE other.userid = session.userid AND other.node <> session.node) AS elsewhere
         FROM session WHERE node = ?`,
      [node],
    );
    return rows.map(({ wanted, elsewhere, ...lease }) => ({
      ...lease,
      wanted: wanted === 0 ? undefined : wanted === WANTED.ended ? "ended" : "takeover",
      elsewhere: elsewhere > 0,
    }));
  }

  online(users: readonly number[]): Promise<Set<number>> {
    return this.#online.of(users);
  }

  async bury({ id, beat }: NodeBeat): Promise<void> {
    await this.#db.run("DELETE FROM node WHERE id = ? AND beat = ?", [id, beat]);
  }

  async sweep(): Promise<{ freed: number[]; left: number }> {
    // By the sessions' own names: a node that is known again by now may have given these devices new leases.
    const lost = await this.#db.rows<Given>(
      `SELECT session.userid AS user, session.device, session.session FROM session LEFT JOIN node ON node.id = session.node
        WHERE node.id IS NULL`,
    );
    const ended = await Promise.allSettled(lost.map((lease) => this.release(lease)));
    const freed = lost.filter((_, i) => ended[i]!.status === "fulfilled");
    return { freed: [...new Set(freed.map(({ user }) => user))], left: lost.length - freed.length };
  }

  async leave(node: string): Promise<void> {
    try {
      await Promise.all((await this.held(node)).map((lease) => this.release(lease)));
    } finally {
      // What could not be given back is swept by another node.
      await this.#db.run("DELETE FROM node WHERE id = ?", [node]);
    }
  }

  async #takeAll(leases: readonly Lease[]): Outcome<Lease | undefined> {
    try {
      return await this.#takeTogether(leases);
    } catch (error) {
      if (!isLocked(error)) throw error;
      return leases.map((lease) => this.#takeOne(lease));
    }
  }

  async #takeTogether(leases: readonly Lease[]): Outcome<Lease | undefined> {
    const before = await this.#holders(leases, { db: this.#logins, how: LOCKED_IS_AN_ERROR });
    const free = leases.filter((lease) => !before.has(keyOf(lease)));
    if (free.length === 0 || await this.#insert(free, this.#logins)) {
      return leases.map((lease) => otherThan(lease, before.get(keyOf(lease))));
    }
    const after = await this.#holders(free, { db: this.#logins });
    return leases.map((lease) => {
      const holder = before.get(keyOf(lease)) ?? after.get(keyOf(lease));
      return holder ? otherThan(lease, holder) : this.#takeOne(lease);
    });
  }

  async #takeOne(lease: Lease): Promise<Lease | undefined> {
    while (true) {
      const holder = (await this.#holders([lease], { db: this.#db })).get(keyOf(lease));
      if (holder) return otherThan(lease, holder);
      if (await this.#insert([lease], this.#db)) return undefined;
    }
  }

  /** Takes leases that seem to be free; whether they all were. */
  async #insert(leases: readonly Lease[], db: Database): Promise<boolean> {
    // In the order of the key, so that two nodes do not wait for each other.
    const rows = padded(leases.toSorted(byUser));
    const { changed } = await db.run(
      `INSERT INTO session (userid, device, node, session) VALUES ${placeholders(rows.length, 4)}
         ON DUPLICATE KEY UPDATE userid = userid`,
      rows.flatMap(({ user, device, node, session }) => [user, device, node, session]),
    );
    return changed === leases.length;
  }

  async #releaseAll(leases: readonly Given[]): Outcome<void> {
    try {
      await this.#holders(leases, { db: this.#logins, how: LOCKED_IS_AN_ERROR });
      await this.#delete(leases, this.#logins);
      return leases.map(() => undefined);
    } catch (error) {
      if (!isLocked(error)) throw error;
      return leases.map((lease) => this.#delete([lease], this.#db));
    }
  }

  async #delete(leases: readonly Given[], db: Database): Promise<void> {
    const rows = padded(leases.toSorted(byUser));
    // A session belongs to one lease, so that both conditions hold for the pairs only; the first one is for the key.
    await db.run(
      `DELETE FROM session WHERE userid IN (${placeholders(rows.length)}) AND session IN (${
        placeholders(rows.length)
      })`,
      [...rows.map(({ user }) => user), ...rows.map(({ session }) => session)],
    );
  }

  async #holders(
    leases: readonly Given[],
    { db, how = "" }: { db: Database; how?: string },
  ): Promise<Map<string, Lease>> {
    const users = padded([...new Set(leases.map(({ user }) => user))].sort((a, b) => a - b));
    const rows = await db.rows<Lease>(
      `SELECT userid AS user, device, node, session FROM session WHERE userid IN (${
        placeholders(users.length)
      }) ${how}`,
      users,
    );
    return new Map(rows.map((row) => [keyOf(row), row]));
  }
}

const keyOf = ({ user, device }: UserDevice) => `${user} ${device}`;

function byUser(a: UserDevice, b: UserDevice): number {
  return a.user - b.user || (a.device < b.device ? -1 : a.device > b.device ? 1 : 0);
}

/** Ends a query. A row that is inserted and not committed yet is locked, too. */
const LOCKED_IS_AN_ERROR = "FOR UPDATE NOWAIT";

/** Whether somebody else has locked one of the rows: MariaDB's code, and MySQL's. */
function isLocked(error: unknown): boolean {
  const code = codeOf(error instanceof StoreUnavailable ? error.cause : error);
  return code === "ER_LOCK_WAIT_TIMEOUT" || code === "ER_LOCK_NOWAIT";
}

/** The holder, unless the lease is that session's already. */
function otherThan(lease: Lease, holder: Lease | undefined): Lease | undefined {
  return holder?.session === lease.session ? undefined : holder;
}
