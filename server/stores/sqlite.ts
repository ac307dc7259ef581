import { DatabaseSync } from "node:sqlite";
import { StartupError } from "../errors.ts";
import { BATCH, GroupCommit } from "./group_commit.ts";
import { MemoryLeases } from "./memory_leases.ts";
import { SQLITE_MIGRATIONS } from "./migrations.ts";
import { SqliteAccounts } from "./sqlite_accounts.ts";
import { SqliteLog } from "./sqlite_log.ts";
import { SqliteSocial } from "./sqlite_social.ts";
import { isBusy, isUnavailable } from "./sqlite_statements.ts";
import { type Store, StoreUnavailable } from "./store.ts";

export interface SqliteOptions {
  /** A file's path, or `:memory:`. */
  readonly path: string;
  /** `full` syncs the disk at every commit; `normal` may lose the last moments when the power fails. */
  readonly durability: "full" | "normal";
  /** Server time in Unix milliseconds. */
  readonly now?: () => number;
}

/** A file that is locked by another program is tried again so often, after so many ms. */
const BUSY_ATTEMPTS = 50;
const BUSY_PAUSE = 10;

/**
 * Opens the embedded store. The file is locked for as long as it is open, since one node owns it.
 * @throws {StartupError} if the file cannot be opened, is in use, or was written by a newer version.
 */
export function openSqlite(options: SqliteOptions): Store {
  const { path, durability, now = Date.now } = options;
  const lock = path === ":memory:" ? undefined : lockFile(path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    // WAL: readers and the writer do not wait for each other, and a commit is one sequential write.
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"};
      PRAGMA foreign_keys = ON;
      PRAGMA busy_timeout = 2000;
      PRAGMA cache_size = -65536;
    `);
    migrate(db, path);
    // From now on waiting would keep everybody waiting.
    db.exec("PRAGMA busy_timeout = 0");
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
  const log = new SqliteLog(db, now);
  const commits = new GroupCommit((batch) => patiently(() => log.commit(batch)), BATCH);
  const opened = db;
  let closing: Promise<void> | undefined;
  return {
    accounts: new SqliteAccounts(db, now),
    social: new SqliteSocial(db, now),
    log: log.port((entry) => commits.add(entry)),
    leases: new MemoryLeases(),
    close: () =>
      closing ??= commits.drain().then(() => {
        opened.close();
        lock?.close();
      }),
  };
}

/** Somebody who looks into the file with another program locks it for a moment: that is waited for, not reported. */
async function patiently<T>(work: () => T): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable && isBusy(error.cause)) || attempt === BUSY_ATTEMPTS) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE));
    }
  }
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
