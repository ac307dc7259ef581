import type { DatabaseSync } from "node:sqlite";
import { StartupError } from "../../errors.ts";
import { MemoryLeases } from "./leases.ts";
import { SQLITE_MIGRATIONS } from "../migrations.ts";
import { SqliteAccounts } from "./accounts.ts";
import { nameCluster, SqliteCluster } from "./cluster.ts";
import { connect, type ConnectOptions } from "./connection.ts";
import { SqliteLog } from "./log.ts";
import { SqliteSocial } from "./social.ts";
import { isUnavailable } from "./statements.ts";
import { WriterThread } from "./thread.ts";
import { perform, SqliteWriter, type Writes } from "./writer.ts";
import type { Store } from "../store.ts";

export interface SqliteOptions extends ConnectOptions {
  /** Server time in Unix milliseconds. */
  readonly now?: () => number;
}

/**
 * Opens the embedded store. The file is locked for as long as it is open, since one node owns it. One connection, on
 * this thread, reads; another one, on a thread of its own, writes.
 * @throws {StartupError} if the file cannot be opened, is in use, or was written by a newer version.
 */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  const { path, now = Date.now } = options;
  const lock = path === ":memory:" ? undefined : lockFile(path);
  let db: DatabaseSync | undefined;
  let writes: Writes;
  try {
    db = connect(options);
    migrate(db, path);
    nameCluster(db);
    if (path === ":memory:") {
      writes = onThisThread(db);
    } else {
      // From now on waiting would keep everybody waiting; in this mode readers have nothing to wait for.
      db.exec("PRAGMA query_only = ON; PRAGMA busy_timeout = 0");
      writes = await WriterThread.start({ path, durability: options.durability });
    }
  } catch (error) {
    db?.close();
    lock?.close();
    if (error instanceof StartupError) throw error;
    throw new StartupError(
      `cannot open the database ${path}: ${
        messageOf(error)
      }; check that it is an SQLite file and can be written`,
    );
  }
  const log = new SqliteLog(db, { writes, now });
  const reader = db;
  const close = async () => {
    await log.drain();
    if (path !== ":memory:") reader.close();
    try {
      // The last one to close brings everything into one file.
      await writes.close();
    } finally {
      lock?.close();
    }
  };
  const cluster = new SqliteCluster(db, { writes });
  let closing: Promise<void> | undefined;
  return {
    accounts: new SqliteAccounts(db, { writes, now }),
    social: new SqliteSocial(db, { writes, now }),
    log,
    leases: new MemoryLeases(async () => (await cluster.read()).log),
    cluster,
    close: () => closing ??= close(),
  };
}

/** A database in memory has one connection. */
function onThisThread(db: DatabaseSync): Writes {
  const writer = new SqliteWriter(db);
  return {
    // `async` turns what is thrown into a rejection.
    call: async (name, arg) => {
      const result = await perform(writer, { name, arg });
      writer.tidy({ all: false });
      return result;
    },
    close: async () => await writer.close(),
  };
}

/** Two servers on one file would each think that they see everything: the second one is refused. */
function lockFile(path: string): Deno.FsFile {
  let file: Deno.FsFile;
  try {
    // By its real name, so that a link is no second database.
    Deno.openSync(path, { create: true, write: true }).close();
    file = Deno.openSync(`${Deno.realPathSync(path)}-lock`, { create: true, write: true });
  } catch (error) {
    throw new StartupError(
      `cannot write the database ${path}, or beside it: ${
        messageOf(error)
      }; check that the folder exists and may be ` +
        "written, or name another file with --db sqlite:FILE",
    );
  }
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new StartupError(
    `the database ${path} is in use by another chat-server; stop that one, or name another file with --db sqlite:FILE`,
  );
}

function migrate(db: DatabaseSync, path: string): void {
  const found = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  const newest = SQLITE_MIGRATIONS.at(-1)!.version;
  if (found > newest) {
    throw new StartupError(
      `the database ${path} has schema version ${found}, this program knows ${newest}: use the newer chat-server`,
    );
  }
  for (const { version, sql } of SQLITE_MIGRATIONS) {
    if (version <= found) continue;
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${version}; COMMIT;`);
  }
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return isUnavailable(error) ? `${text} (locked, full, or not writable)` : text;
}
