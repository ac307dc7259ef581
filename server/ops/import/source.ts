import mysql from "mysql2";
import type { Connection } from "mysql2";
import { StartupError } from "../../errors.ts";
import { parseUrl } from "../../stores/mysql/open.ts";

/** Values of a row, by column. What the columns hold is not to be relied on. */
export type SourceRow = Readonly<Record<string, unknown>>;

/** Longer texts are read only so far, in characters. */
const LONGEST = 70_000;
const LONGEST_LABEL = 300;
/** For how long the database may wait until what it sends is read, in seconds. */
const PATIENCE = 24 * 60 * 60;
const CONNECT_TIMEOUT = 10_000;
/** Rows that wait to be read. */
const ROWS_AHEAD = 500;

/** The tables of the older servers: what is read of each, and in which order. */
const TABLES = {
  user: { columns: ["id", "name", "password"], order: "`id`" },
  friend: { columns: ["userid", "friendid"], order: "`userid`, `friendid`" },
  allgroup: { columns: ["id", "groupname", "groupdesc"], order: "`id`" },
  groupuser: { columns: ["groupid", "userid", "grouprole"], order: "`groupid`, `userid`" },
  // It has no key. Rows come in the order in which they were stored.
  offlinemessage: { columns: ["userid", "message"], order: "" },
} as const;
export type SourceTable = keyof typeof TABLES;
/** In an order in which each table only speaks of those before it. */
export const SOURCE_TABLES = Object.keys(TABLES) as SourceTable[];

const LENGTHS: Readonly<Record<string, number>> = {
  name: LONGEST_LABEL,
  password: LONGEST_LABEL,
  groupname: LONGEST_LABEL,
  groupdesc: LONGEST_LABEL,
  message: LONGEST,
};

/**
 * The database of an older server of this protocol, as it was when it was opened. It is read in one transaction that
 * the database itself keeps from writing.
 */
export class Source implements Disposable {
  readonly #connection: Connection;
  /** The tables' names as they are written there. */
  readonly #names: ReadonlyMap<string, string>;

  private constructor(connection: Connection, names: ReadonlyMap<string, string>) {
    this.#connection = connection;
    this.#names = names;
  }

  /** @throws {StartupError} if it cannot be reached, or is not such a database. */
  static async open(url: string): Promise<Source> {
    const address = parseUrl(url, "--from");
    const connection = mysql.createConnection({
      ...address,
      charset: "utf8mb4",
      connectTimeout: CONNECT_TIMEOUT,
      supportBigNumbers: true,
    });
    // What fails later fails the query that is under way.
    connection.on("error", () => {});
    try {
      for (
        const statement of [
          "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
          "SET SESSION TRANSACTION READ ONLY",
          `SET SESSION net_write_timeout = ${PATIENCE}, SESSION wait_timeout = ${PATIENCE}`,
          "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        ]
      ) await query(connection, statement);
      return new Source(connection, await findTables(connection, address.database));
    } catch (error) {
      connection.destroy();
      if (error instanceof StartupError) throw error;
      const { host, port, database } = address;
      const cause = error instanceof Error ? error.message : String(error);
      throw new StartupError(
        `cannot read the database ${database} at ${host}:${port}: ${cause}; check --from, and that its user may SELECT`,
      );
    }
  }

  /** The number of rows, about. */
  async count(table: SourceTable): Promise<number> {
    const [row] = await query(this.#connection, `SELECT COUNT(*) AS count FROM ${this.#nameOf(table)}`);
    return Number(row?.count);
  }

  /** All rows of a table, one after the other: only a few are in memory at once. */
  async *rows(table: SourceTable): AsyncGenerator<SourceRow> {
    const { columns, order } = TABLES[table];
    const wanted = columns.map((column) => {
      const length = LENGTHS[column];
      if (length === undefined) return `\`${column}\``;
      // Whatever type the column has, it comes as text.
      const text = `CONVERT(\`${column}\` USING utf8mb4)`;
      return `LEFT(${text}, ${length}) AS \`${column}\``;
    });
    const sql = `SELECT ${wanted.join(", ")} FROM ${this.#nameOf(table)}${order && ` ORDER BY ${order}`}`;
    const stream = this.#connection.query(sql).stream({ highWaterMark: ROWS_AHEAD });
    try {
      for await (const row of stream) yield row as SourceRow;
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new StartupError(`reading the table ${table} of --from failed: ${cause}; try again`);
    }
  }

  /** Whether a text that has so many characters was longer. */
  static isCut(text: string): boolean {
    return text.length >= LONGEST;
  }

  [Symbol.dispose](): void {
    // Not ended: that would wait for a query of which not everything was read.
    this.#connection.destroy();
  }

  #nameOf(table: SourceTable): string {
    return `\`${this.#names.get(table)!.replaceAll("`", "``")}\``;
  }
}

/** The tables' names; some of the older servers write them with capitals. */
async function findTables(connection: Connection, database: string): Promise<Map<string, string>> {
  const rows = await query(
    connection,
    `SELECT table_name AS name, LOWER(column_name) AS col FROM information_schema.columns
      WHERE table_schema = DATABASE()`,
  );
  const columns = Map.groupBy(rows, (row) => String(row.name));
  const names = new Map([...columns.keys()].map((name) => [name.toLowerCase(), name]));
  const has = (table: string, column: string) =>
    columns.get(names.get(table) ?? "")?.some(({ col }) => col === column) === true;
  if (has("user", "created")) {
    throw new StartupError(
      `the database ${database} is one of this program's; start chat-server with it as --db, there is nothing to import`,
    );
  }
  for (const table of SOURCE_TABLES) {
    const missing = TABLES[table].columns.find((column) => !has(table, column));
    if (missing === undefined) continue;
    throw new StartupError(
      `the database ${database} is none of an older server: ` +
        (names.has(table) ? `its table ${table} has no column ${missing}` : `it has no table ${table}`) +
        "; check --from",
    );
  }
  return names;
}

function query(connection: Connection, sql: string): Promise<SourceRow[]> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error: Error | null, rows: unknown) => {
      if (error) reject(error);
      else resolve(rows as SourceRow[]);
    });
  });
}
