import mysql from "mysql2/promise";
import type { Pool, PoolConnection, ResultSetHeader } from "mysql2/promise";
import { Slots } from "../slots.ts";
import { StoreUnavailable } from "../store.ts";

/** What a statement may be given. */
export type Value = string | number | null;

/** A statement takes no longer than this, in ms: a server that hangs is one that cannot be reached. */
const TIMEOUT = 4000;
const CONNECT_TIMEOUT = 3000;
/** After so long without use a connection is closed, in ms. */
const IDLE_TIMEOUT = 60_000;
/** How often a transaction is tried again that lost a deadlock. */
const DEADLOCK_RETRIES = 20;

/** Each connection begins with these, whatever the server's own settings are. */
const SESSION_SETTINGS = [
  // With REPEATABLE READ, asking for rows that are not there locks gaps, and two nodes deadlock in them.
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  [
    // A statement outside a transaction is committed when it is answered.
    "SET SESSION autocommit = 1",
    // What does not fit is an error, not cut off.
    "SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    // In seconds. No node holds a lock while it waits for anything, so this is about other programs.
    "SESSION innodb_lock_wait_timeout = 1",
    // A connection that a frozen node has forgotten, in seconds.
    "SESSION wait_timeout = 600",
    // Times are compared: they must not jump with the summer.
    "SESSION time_zone = '+00:00'",
  ].join(", "),
];

/** The setting has another name and unit in each of the two; each skips the other's. */
const timeSetting = (seconds: number) =>
  `SET SESSION autocommit = 1 /*M!100100 , SESSION max_statement_time = ${seconds} */` +
  ` /*!80000 , SESSION max_execution_time = ${1000 * seconds} */`;

/** Errors that say "not now", by the driver's code. https://dev.mysql.com/doc/mysql-errors/8.0/en/ */
const UNAVAILABLE = new Set([
  "ER_CON_COUNT_ERROR",
  "ER_SERVER_SHUTDOWN",
  "ER_DISK_FULL",
  "ER_RECORD_FILE_FULL",
  "ER_OPTION_PREVENTS_STATEMENT",
  "ER_QUERY_INTERRUPTED",
  // A query that takes longer than it may, in MySQL and in MariaDB.
  "ER_QUERY_TIMEOUT",
  "ER_LOCK_WAIT_TIMEOUT",
  "ER_CONNECTION_KILLED",
  "ER_ACCESS_DENIED_ERROR",
  "ER_TOO_MANY_USER_CONNECTIONS",
  "ER_USER_LIMIT_REACHED",
  "POOL_CLOSED",
]);

/** What MariaDB calls ER_STATEMENT_TIMEOUT, which the driver does not know. */
const MARIADB_TIMEOUT = 1969;

/** The code of a driver's error, if it is one. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("errno" in error && error.errno === MARIADB_TIMEOUT) return "ER_QUERY_TIMEOUT";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.message === "Pool is closed." ? "POOL_CLOSED" : "";
}

/** Whether the connection, not the statement, is what failed. */
function isFatal(error: unknown): boolean {
  return error instanceof Error && "fatal" in error && error.fatal === true;
}

function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  return isFatal(error) || UNAVAILABLE.has(code) || code.startsWith("PROTOCOL_") || /^E[A-Z]+$/.test(code);
}

export interface DatabaseOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The most connections at once. */
  readonly poolSize: number;
  /** How long a statement may take, in ms; {@linkcode TIMEOUT} if left out. */
  readonly timeout?: number;
  /** Whether {@linkcode Session.script} is used. */
  readonly scripts?: boolean;
  /** The server itself ends a query that takes longer than this, in seconds; none if left out. */
  readonly mostTime?: number;
}

/** Runs prepared statements on one connection. */
export class Session {
  readonly #connection: PoolConnection;
  readonly #timeout: number;

  constructor(connection: PoolConnection, timeout: number) {
    this.#connection = connection;
    this.#timeout = timeout;
  }

  /** The rows of a query; a driver's "not now" becomes {@linkcode StoreUnavailable}. */
  async rows<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return await this.#execute(sql, values) as Row[];
  }

  /** How many rows changed, and the id that was given to a new one. */
  async run(sql: string, values: readonly Value[] = []): Promise<{ changed: number; id: number }> {
    const header = await this.#execute(sql, values) as ResultSetHeader;
    return { changed: header.affectedRows, id: header.insertId };
  }

  /** A constant statement without values that MySQL does not prepare: it is sent as text. */
  async command(sql: string): Promise<void> {
    await inTime(this.#connection.query(sql), this.#timeout);
  }

  /** Constant statements without values, sent together as text; the rows of the last one. See `scripts`. */
  async script<Row>(statements: readonly string[]): Promise<Row[]> {
    const [results] = await inTime(this.#connection.query(statements.join(";\n")), this.#timeout);
    return (results as unknown[]).at(-1) as Row[];
  }

  async #execute(sql: string, values: readonly Value[]): Promise<unknown> {
    // The driver's own timeouts leave out preparing, and leave the connection to the next one.
    const [result] = await inTime(this.#connection.execute(sql, [...values]), this.#timeout);
    return result;
  }
}

/** A pool of connections to MySQL or MariaDB. No call takes much longer than {@linkcode TIMEOUT}. */
export class Database {
  readonly #pool: Pool;
  readonly #timeout: number;
  /** As many as there are connections: if all who use this database enter first, none waits for a connection. */
  readonly slots: Slots;
  #onConnection = () => {};

  constructor(options: DatabaseOptions) {
    const { poolSize, scripts = false, timeout = TIMEOUT, mostTime, ...address } = options;
    this.#timeout = timeout;
    this.slots = new Slots(poolSize);
    this.#pool = mysql.createPool({
      ...address,
      charset: "utf8mb4_bin",
      connectionLimit: poolSize,
      connectTimeout: CONNECT_TIMEOUT,
      multipleStatements: scripts,
      // All connections of all nodes together may have 16,382 on a server as it is installed.
      maxPreparedStatements: 300,
      // The driver looks each second. More than this number of idle ones it closes at once, and what was prepared on them
      // is prepared again; others before the server's own timeout does.
      maxIdle: Math.max(1, poolSize - 1),
      idleTimeout: IDLE_TIMEOUT,
      enableKeepAlive: true,
      // Otherwise the driver notes the stack at each call.
      trace: false,
      // Without it, rows that an INSERT found unchanged count as changed.
      flags: ["-FOUND_ROWS"],
    });
    this.#pool.on("connection", (connection) => {
      this.#onConnection();
      for (
        const setting of mostTime === undefined
          ? SESSION_SETTINGS
          : [...SESSION_SETTINGS, timeSetting(mostTime)]
      ) {
        // The pool hands out the callback kind here. A connection that fails now fails at its first statement, too.
        (connection as unknown as { query(sql: string, done: () => void): void }).query(setting, () => {});
      }
    });
  }

  /** Calls `listener` whenever there is a new connection, before it is used. */
  onConnection(listener: () => void): void {
    this.#onConnection = listener;
  }

  /** {@linkcode Session.rows} on any connection. */
  rows<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.#retrying((session) => session.rows<Row>(sql, values));
  }

  /** {@linkcode Session.run} on any connection. */
  run(sql: string, values: readonly Value[] = []): Promise<{ changed: number; id: number }> {
    return this.#retrying((session) => session.run(sql, values));
  }

  /** Runs `work` on one connection of its own. */
  async withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const connection = await this.#connection();
    try {
      const result = await work(new Session(connection, this.#timeout));
      connection.release();
      return result;
    } catch (error) {
      // A statement that the server refused leaves the connection as it was; after anything else it is of no use.
      if (error instanceof StoreUnavailable) connection.destroy();
      else connection.release();
      throw error;
    }
  }

  /**
   * Runs `work` in a transaction and commits it. A deadlock rolls back and runs it again. When the connection is
   * lost while committing, the outcome is unknown and the error says {@linkcode StoreUnavailable}: what must not be
   * done twice needs a key of its own.
   */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await this.#retrying((session) => inTransaction(session, work));
  }

  /** A statement on its own can lose a deadlock, too: its locks are those of several rows and keys. */
  async #retrying<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.withSession(work);
      } catch (error) {
        if (codeOf(error) !== "ER_LOCK_DEADLOCK") throw error;
        if (attempt === DEADLOCK_RETRIES) {
          throw new StoreUnavailable("deadlocks without end", { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5 * attempt));
      }
    }
  }

  async close(): Promise<void> {
    try {
      await inTime(this.#pool.end(), TIMEOUT);
    } catch (error) {
      // A server that is away cannot be told goodbye.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  async #connection(): Promise<PoolConnection> {
    const connecting = this.#pool.getConnection();
    try {
      return await inTime(connecting, TIMEOUT);
    } catch (error) {
      // If it comes after all, it goes back.
      connecting.then((connection) => connection.release(), () => "it failed, as reported");
      throw error;
    }
  }
}

async function inTransaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  await session.command("START TRANSACTION");
  try {
    const result = await work(session);
    await session.command("COMMIT");
    return result;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) await session.command("ROLLBACK");
    throw error;
  }
}

/** Waits for the driver, but not for ever; its "not now" becomes {@linkcode StoreUnavailable}. */
async function inTime<T>(work: Promise<T>, timeout: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable(`no answer within ${timeout} ms`)), timeout);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new StoreUnavailable(error instanceof Error ? error.message || codeOf(error) : "", {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** `(?, ?), (?, ?)`: so many rows of so many values. */
export function placeholders(rows: number, columns = 1): string {
  const row = columns === 1 ? "?" : `(${Array(columns).fill("?").join(", ")})`;
  return Array(rows).fill(row).join(", ");
}

/** Above this, sizes of statements are multiples of it. */
const STEP = 16;

/**
 * As many rows as one of a few sizes, the last one repeated: each size is a statement of its own, and preparing a
 * large one costs four times what running it does. For statements to which a row twice is no different from once.
 */
export function roundedUp<T>(rows: readonly T[]): T[] {
  return [...rows, ...Array(preparedSize(rows.length) - rows.length).fill(rows.at(-1))];
}

/**
 * The same with fewer sizes (1, 4, 16, 64, 256), for queries that find by key: one more key costs little, and what comes
 * back at once after an outage would have to prepare each size on each connection.
 */
export function padded<T>(keys: readonly T[]): T[] {
  const size = 4 ** Math.ceil(Math.log2(Math.max(1, keys.length)) / 2);
  return [...keys, ...Array(size - keys.length).fill(keys.at(-1))];
}

/** The smallest size of a statement that is not smaller than `count`. */
export function preparedSize(count: number): number {
  return count > STEP ? Math.ceil(count / STEP) * STEP : 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

/** The largest size of a statement that is not larger than `count`, for statements that must not have a row twice. */
export const fitting = (count: number) => count < STEP ? count : count - count % STEP;

/** The rows in at most two parts whose sizes are of a few, for statements that must not have one twice. */
export function inParts<T>(rows: readonly T[]): (readonly T[])[] {
  const first = fitting(rows.length);
  return [rows.slice(0, first), rows.slice(first)].filter(({ length }) => length > 0);
}
