import { StartupError } from "../../errors.ts";
import { codeOf } from "./database.ts";
import type { Session } from "./database.ts";

/** What a node has to be able to do in the database. */
const RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER";
/** What a statement holds beside the longest text of a message, in bytes, at most. */
const STATEMENT_OVERHEAD = 16_384;

const OLDEST = { MariaDB: [10, 6], MySQL: [8, 0] } as const;

/** Variables of the server that are looked at; none of them is known to every version. */
const VARIABLES = [
  "version",
  "read_only",
  "super_read_only",
  "innodb_read_only",
  "wsrep_on",
  "group_replication_group_name",
  "group_replication_single_primary_mode",
  "innodb_flush_log_at_trx_commit",
  "log_bin",
  "sync_binlog",
  "max_allowed_packet",
];

/**
 * A column of each table that has the name of a table of another program, among them the older servers of this
 * protocol. A table without its column is not one of ours.
 */
const OWN_COLUMNS: Readonly<Record<string, string>> = {
  schemaversion: "version",
  user: "created",
  token: "hash",
  friend: "since",
  friendrequest: "friendid",
  allgroup: "created",
  groupuser: "joined",
  conversation: "conv",
  message: "conv",
  progress: "conv",
  node: "beat",
  session: "wanted",
  device: "client",
  deviceprogress: "delivered",
  cluster: "secret",
};

/** Where a database is. */
interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export interface ServerChecks {
  /** As in the sentences: `host:port`. */
  readonly where: string;
  /** The longest frame that a client may send, in bytes. */
  readonly maxFrame: number;
}

/** The values of the server's variables, as far as it knows them. */
export async function readVariables(session: Pick<Session, "rows">): Promise<Map<string, string>> {
  const rows = await session.rows<{ Variable_name: string; Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${VARIABLES.map((name) => `'${name}'`).join(", ")})`,
  );
  return new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]));
}

/**
 * Judges the server by its variables. Returns one sentence for each setting that may lose acknowledged messages.
 * @throws {StartupError} if this program cannot keep its promises there.
 */
export function judgeServer(variables: ReadonlyMap<string, string>, checks: ServerChecks): string[] {
  const { where, maxFrame } = checks;
  const version = variables.get("version") ?? "";
  const product = /mariadb/i.test(version) ? "MariaDB" : "MySQL";
  const [major = 0, minor = 0] = version.replace(/^5\.5\.5-/, "").split(".").map((part) => parseInt(part));
  const [oldestMajor, oldestMinor] = OLDEST[product];
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new StartupError(
      `the database at ${where} is ${product} ${version}; use MySQL 8.0 or MariaDB 10.6, or a newer one`,
    );
  }
  for (const name of ["read_only", "super_read_only", "innodb_read_only"]) {
    if (isOn(variables.get(name))) {
      throw new StartupError(
        `the database at ${where} is read-only (${name}); point --db at the primary, or set ${name} to OFF there`,
      );
    }
  }
  if (isOn(variables.get("wsrep_on"))) {
    throw new StartupError(
      `the database at ${where} is a Galera cluster (wsrep_on), which takes back what it has committed; ` +
        "use a MySQL or MariaDB with one primary",
    );
  }
  // MySQL knows these two once the plugin is installed; the group has a name once it is set up.
  const hasGroup = (variables.get("group_replication_group_name") ?? "") !== "";
  if (hasGroup && !isOn(variables.get("group_replication_single_primary_mode"))) {
    throw new StartupError(
      `the database at ${where} is a group with several primaries, which takes back what it has committed; ` +
        "set group_replication_single_primary_mode to ON",
    );
  }
  const packet = Number(variables.get("max_allowed_packet") ?? Infinity);
  const needed = maxFrame + STATEMENT_OVERHEAD;
  if (packet < needed) {
    throw new StartupError(
      `the database at ${where} takes statements of at most ${packet} bytes; ` +
        `set max_allowed_packet there to at least ${needed}, or choose a smaller --max-frame`,
    );
  }
  return warnings(variables);
}

function warnings(variables: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const flush = variables.get("innodb_flush_log_at_trx_commit") ?? "1";
  if (flush !== "1") {
    found.push(
      `the database has innodb_flush_log_at_trx_commit = ${flush}: a crash of its machine can lose acknowledged ` +
        "messages; set it to 1",
    );
  }
  const sync = variables.get("sync_binlog") ?? "1";
  if (isOn(variables.get("log_bin")) && sync !== "1") {
    found.push(
      `the database has sync_binlog = ${sync}: a failover can lose acknowledged messages; set it to 1`,
    );
  }
  return found;
}

const isOn = (value: string | undefined) =>
  value !== undefined && !["OFF", "0", ""].includes(value.toUpperCase());

/**
 * Makes sure that the tables in the database are this program's. To be called before anything is created.
 * @returns Whether there are any.
 * @throws {StartupError} naming tables of another program, or how to take over what an older server has left.
 */
export async function checkTables(session: Pick<Session, "rows">, address: Address): Promise<boolean> {
  const { host, port, user, database } = address;
  const rows = await session.rows<{ name: string; columns: string }>(
    `SELECT t.table_name AS name, GROUP_CONCAT(c.column_name) AS columns
      FROM information_schema.tables t
      LEFT JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
      WHERE t.table_schema = DATABASE() GROUP BY t.table_name ORDER BY t.table_name`,
  );
  const foreign = foreignTables(
    rows.map(({ name, columns }) => ({ name, columns: (columns ?? "").split(",") })),
  );
  if (isOlder(rows.map(({ name }) => name), foreign)) {
    const url = `mysql://${encodeURIComponent(user)}:PASSWORD@${host}:${port}/${
      encodeURIComponent(database)
    }`;
    throw new StartupError(
      `the database ${database} is one of an older server of this protocol; take what is in it into a new database: ` +
        `chat-server import --from ${url} --db sqlite:chat.db (or --db mysql://… of an empty one)`,
    );
  }
  if (foreign.length > 0) {
    const shown = foreign.slice(0, 3).join(", ") + (foreign.length > 3 ? ", …" : "");
    throw new StartupError(
      `the database ${database} holds tables of another program (${shown}); ` +
        "create an empty database for the chat server and name it in --db",
    );
  }
  return rows.length > 0;
}

/** Those of the tables that another program made. Our own database may hold further tables: copies, say. */
export function foreignTables(tables: readonly { name: string; columns: readonly string[] }[]): string[] {
  const isOurs = tables.some(({ name, columns }) => name === "schemaversion" && columns.includes("version"));
  return tables
    .filter(({ name, columns }) => {
      const own = Object.hasOwn(OWN_COLUMNS, name) ? OWN_COLUMNS[name] : undefined;
      return own === undefined ? !isOurs : !isOurs || !columns.includes(own);
    })
    .map(({ name }) => name);
}

/** Whether a database is being filled, see `bulk.ts`. */
export async function isUnfinished(session: Pick<Session, "rows">): Promise<boolean> {
  const tables = await session.rows(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'imported'",
  );
  return tables.length > 0 && (await session.rows("SELECT 1 FROM imported WHERE NOT complete")).length > 0;
}

/** Whether the tables are those of the older servers of this protocol. */
function isOlder(tables: readonly string[], foreign: readonly string[]): boolean {
  const names = tables.map((name) => name.toLowerCase());
  const has = ["user", "friend", "allgroup", "groupuser", "offlinemessage"].every((name) =>
    names.includes(name)
  );
  return has && foreign.some((name) => name.toLowerCase() === "offlinemessage");
}

/** Tries what a running node has to be allowed to do, without changing anything. */
export async function tryRights(session: Pick<Session, "run">): Promise<void> {
  await session.run("INSERT INTO schemaversion (version) SELECT version FROM schemaversion WHERE FALSE");
  await session.run("UPDATE schemaversion SET version = version WHERE FALSE");
  await session.run("DELETE FROM schemaversion WHERE FALSE");
}

/** What a driver's error says about missing rights, as a sentence; undefined if it is about something else. */
export function missingRight(error: unknown, about: { user: string; database: string }): string | undefined {
  if (!/^ER_(TABLE|COLUMN|DB|SPECIFIC_)ACCESS_DENIED_ERROR$/.test(codeOf(error))) return undefined;
  const right = error instanceof Error ? /^(\w+).* command denied/.exec(error.message)?.[1] : undefined;
  const { user, database } = about;
  return `the user ${user} may not ${right ?? "do everything that is needed"} in the database ${database}; ` +
    `GRANT ${RIGHTS} ON ${database}.* TO that user`;
}
