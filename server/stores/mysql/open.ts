import { StartupError } from "../../errors.ts";
import { MYSQL_MIGRATIONS } from "../migrations.ts";
import { MysqlAccounts } from "./accounts.ts";
import { MysqlAppend } from "./append.ts";
import { MysqlCluster, nameCluster, readCluster } from "./cluster.ts";
import { checkTables, isUnfinished, judgeServer, missingRight, readVariables, tryRights } from "./checks.ts";
import { codeOf, Database, type DatabaseOptions, type Session } from "./database.ts";
import { MysqlDevices } from "./devices.ts";
import { MysqlLeases } from "./leases.ts";
import { MysqlLog } from "./log.ts";
import { MysqlSearch } from "./search.ts";
import { MysqlSocial } from "./social.ts";
import { unfinished } from "../bulk.ts";
import type { Store } from "../store.ts";
import { StoreUnavailable } from "../store.ts";

export interface MysqlOptions {
  /** `mysql://user:password@host:3306/name` */
  readonly url: string;
  /** The most connections at once. */
  readonly poolSize: number;
  /** For how long to try to reach the database, in ms; 0 tries once. */
  readonly wait: number;
  /** Server time in Unix milliseconds. */
  readonly now?: () => number;
  /** The longest frame that a client may send, in bytes: a statement must be able to hold it. */
  readonly maxFrame?: number;
  /** Told, in one sentence each, of settings of the database that may lose acknowledged messages. */
  readonly onRisk?: (sentence: string) => void;
  /** Whether a database that is being filled is opened all the same. */
  readonly mayBeUnfinished?: boolean;
  /** Told that the database has come back older than it had been; the log has another name by then. */
  readonly onOlder?: () => void;
}

/** How long to wait for another node that is migrating the schema, in ms, and how long one step may take. */
const MIGRATION_WAIT = 60_000;
const MIGRATION_STEP = 24 * 60 * 60 * 1000;
/** Searches at once. A statement of one takes no longer than this on the database, in seconds; most take some ms. */
const SEARCHES = 2;
const SEARCH_STATEMENT = 1;

/**
 * Opens the store on MySQL or MariaDB and brings its schema up to date, one node at a time.
 * @throws {StartupError} naming host, port and cause if it cannot be reached, is one that this program cannot use, or
 * was written by a newer version.
 */
export async function openMysql(options: MysqlOptions): Promise<Store> {
  const { now = Date.now } = options;
  const address = parseUrl(options.url);
  const db = new Database({ ...address, poolSize: options.poolSize });
  // The heartbeat and the append wait behind nothing else.
  const pulse = new Database({ ...address, poolSize: 1 });
  const pipeline = new Database({ ...address, poolSize: 1 });
  // What logins ask for takes turns on one connection: so it goes together, and is prepared once.
  const logins = new Database({ ...address, poolSize: 1 });
  const searches = new Database({ ...address, poolSize: SEARCHES, mostTime: SEARCH_STATEMENT });
  const lanes = Math.max(2, Math.floor(options.poolSize / 2));
  const others = new Database({ ...address, poolSize: lanes, scripts: true });
  const close = async () => {
    for (const part of [pipeline, others, logins, searches, db, pulse]) await part.close();
  };
  const cluster = new MysqlCluster(db);
  let log: string;
  /** The names that the log had before, as far as this store knows. */
  const former = new Set<string>();
  let maxPacket: number;
  try {
    await reach(db, { ...address, wait: options.wait });
    maxPacket = await judge(db, { ...address, ...options });
    await migrate(address);
    if (!options.mayBeUnfinished && await isUnfinished(db)) throw unfinished(address.database);
    log = (await cluster.read()).log;
  } catch (error) {
    await close();
    throw error;
  }
  const append = new MysqlAppend({
    pipeline,
    others,
    lanes,
    maxPacket,
    now,
    isRenamed: async (session) => (await readCluster(session)).log !== log,
    onOlder: async () => {
      const found = (await cluster.read()).log;
      // Somebody else has renamed it, unless even that name is from before.
      const mayStay = found !== log && !former.has(found);
      former.add(log);
      log = mayStay ? found : await cluster.renameLog(found);
      options.onOlder?.();
    },
  });
  let closing: Promise<void> | undefined;
  return {
    accounts: new MysqlAccounts({ db, logins, now }),
    devices: new MysqlDevices({ db, logins }),
    social: new MysqlSocial({ db, logins, now }),
    log: new MysqlLog({ db, logins, append }),
    search: new MysqlSearch(searches),
    leases: new MysqlLeases({ db, logins, pulse, compare: () => append.compare() }),
    cluster: {
      read: () => cluster.read(),
      renameLog: (old) => cluster.renameLog(old),
      adopt(name) {
        if (name === log) return;
        former.add(log);
        log = name;
        append.forget();
      },
    },
    close: () => closing ??= append.drain().then(close),
  };
}

/** Refuses a database that is of no use; otherwise the size of the largest statement that it takes, in bytes. */
async function judge(
  db: Database,
  options: { host: string; port: number; maxFrame?: number; onRisk?: (sentence: string) => void },
): Promise<number> {
  const { host, port, maxFrame = 0, onRisk } = options;
  const variables = await readVariables(db);
  const risks = judgeServer(variables, { where: `${host}:${port}`, maxFrame });
  for (const risk of risks) onRisk?.(risk);
  return Number(variables.get("max_allowed_packet"));
}

/** The parts of a `mysql://` URL that a flag was given. @throws {StartupError} if one is missing. */
export function parseUrl(url: string, flag = "--db") {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const database = decodeURIComponent(pathname.slice(1));
  if (protocol !== "mysql:" || !hostname || !username || !database) {
    throw new StartupError(`${flag} must look like mysql://user:password@host:3306/name`);
  }
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database,
  };
}

async function reach(
  db: Database,
  address: { host: string; port: number; user: string; database: string; wait: number },
): Promise<void> {
  const deadline = Date.now() + address.wait;
  while (true) {
    try {
      await db.rows("SELECT 1");
      return;
    } catch (error) {
      if (Date.now() >= deadline) throw new StartupError(whyNot(error, address));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

function whyNot(
  error: unknown,
  address: { host: string; port: number; user: string; database: string },
): string {
  const { host, port, user, database } = address;
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  const where = `cannot use the database at ${host}:${port}`;
  switch (codeOf(cause)) {
    case "ECONNREFUSED":
      return `${where}: connection refused; check that MySQL or MariaDB runs there, and host and port in --db`;
    case "ETIMEDOUT":
    case "PROTOCOL_SEQUENCE_TIMEOUT":
      return `${where}: timeout; check that it runs, that no firewall is in between, and host and port in --db`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${where}: no such host; check the host name in --db`;
    case "ER_ACCESS_DENIED_ERROR":
    case "ER_ACCESS_DENIED_NO_PASSWORD_ERROR":
    case "ER_DBACCESS_DENIED_ERROR":
      return `${where}: access denied for user ${user}; check user and password in --db, and the user's rights on ${database}`;
    case "ER_BAD_DB_ERROR":
      return `${where}: unknown database ${database}; create it, or check the name in --db`;
    default:
      return `${where}: ${cause instanceof Error ? cause.message || codeOf(cause) : cause}; check --db`;
  }
}

async function migrate(address: Omit<DatabaseOptions, "poolSize">): Promise<void> {
  const db = new Database({ ...address, poolSize: 1, timeout: MIGRATION_STEP });
  try {
    await db.withSession((session) => migrateAlone(session, address));
  } catch (error) {
    const sentence = missingRight(error, address);
    throw sentence === undefined ? error : new StartupError(sentence);
  } finally {
    await db.close();
  }
}

/** The lock belongs to the connection: a node that dies while migrating gives it back. */
async function migrateAlone(session: Session, address: Omit<DatabaseOptions, "poolSize">): Promise<void> {
  const { database } = address;
  const lock = `chat-cluster ${database}`.slice(0, 64);
  const deadline = Date.now() + MIGRATION_WAIT;
  const take = "SELECT GET_LOCK(?, 1) AS locked";
  while ((await session.rows<{ locked: number }>(take, [lock]))[0]?.locked !== 1) {
    if (Date.now() > deadline) {
      throw new StartupError(
        `another node has been changing the tables of ${database} for a minute: look into its log, or start this one later`,
      );
    }
  }
  await applyMigrations(session, { database, isNew: !await checkTables(session, address) });
  await nameCluster(session);
  await tryRights(session);
  await session.rows("SELECT RELEASE_LOCK(?)", [lock]);
}

/** Statements that begin to change the schema commit at once there, so each step can be repeated after a crash. */
async function applyMigrations(
  session: Session,
  { database, isNew }: { database: string; isNew: boolean },
): Promise<void> {
  // A node whose user may not create tables can serve those that are there.
  if (isNew) {
    await session.run("CREATE TABLE schemaversion (version INT NOT NULL PRIMARY KEY) ENGINE = InnoDB");
  }
  const [row] = await session.rows<{ version: number | null }>(
    "SELECT MAX(version) AS version FROM schemaversion",
  );
  const found = row?.version ?? 0;
  const newest = MYSQL_MIGRATIONS.at(-1)!.version;
  if (found > newest) {
    throw new StartupError(
      `the database ${database} has schema version ${found}, this program knows ${newest}: use the newer chat-server`,
    );
  }
  for (const { version, sql } of MYSQL_MIGRATIONS) {
    if (version <= found) continue;
    for (const statement of sql.split(/;\s*$/m)) {
      if (statement.trim() !== "") await apply(session, statement);
    }
    await session.run("INSERT INTO schemaversion (version) VALUES (?)", [version]);
  }
}

/** A step that was done, and not noted, before a crash. */
const DONE_BEFORE = new Set(["ER_CANT_DROP_FIELD_OR_KEY", "ER_DUP_FIELDNAME", "ER_DUP_KEYNAME"]);

async function apply(session: Session, statement: string): Promise<void> {
  try {
    await session.run(statement);
  } catch (error) {
    // Neither database has a word that both know for "if it is there", or "if it is not".
    if (!DONE_BEFORE.has(codeOf(error))) throw error;
  }
}
