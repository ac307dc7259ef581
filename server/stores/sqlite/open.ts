import type { DatabaseSync } from "node:sqlite";
import { StartupError } from "../../errors.ts";
import { unfinished } from "../bulk.ts";
import type { SearchStore, Store } from "../store.ts";
import { SqliteAccounts } from "./accounts.ts";
import { nameCluster, SqliteCluster } from "./cluster.ts";
import { configure, type ConnectOptions, openFile } from "./connection.ts";
import { SqliteDevices } from "./devices.ts";
import { MemoryLeases } from "./leases.ts";
import { SqliteLog } from "./log.ts";
import { isUnfinished, migrate } from "./migrate.ts";
import { SearchThread } from "./search_thread.ts";
import { SqliteSearcher } from "./searcher.ts";
import { checkOurs, OwnedFile, whyNot } from "./owned_file.ts";
import { SqliteSocial } from "./social.ts";
import { WriterThread } from "./thread.ts";
import { SqliteWriter } from "./writer.ts";
import { perform, type Report, type Writes } from "./writes.ts";

export interface SqliteOptions extends ConnectOptions {
  /** Server time in Unix milliseconds. */
  readonly now?: () => number;
  /** Told what the operator should know. */
  readonly onReport?: (report: Report) => void;
  /** How long something that is written may take before it is reported as unavailable, in ms. */
  readonly patience?: number;
  /** Whether a database that is being filled is opened all the same. */
  readonly mayBeUnfinished?: boolean;
  /** Whether texts go into the index of the search; true if left out. Without it searching takes longer. */
  readonly search?: boolean;
}

/** How long closing may take, in ms. */
const CLOSE_WITHIN = 4000;
const MEMORY = ":memory:";
/** On a database in memory, texts go into the index of the search with every so many calls. */
const CALLS_AN_INDEXING = 16;

/**
 * Opens the embedded store. The file belongs to this process for as long as it is open, since one node owns it. One
 * connection, on this thread, reads; another one, on a thread of its own, writes.
 * @throws {StartupError} if the file cannot be opened, is in use, is not ours, or was written by a newer version.
 */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  const { path, now = Date.now, search = true, onReport = () => {} } = options;
  const file = path === MEMORY ? undefined : OwnedFile.take(path);
  let reader: DatabaseSync | undefined;
  let writes: Writes;
  try {
    reader = openFile(path);
    checkOurs(reader, path);
    configure(reader, options);
    migrate(reader, { path, report: onReport });
    if (!options.mayBeUnfinished && isUnfinished(reader)) throw unfinished(path);
    nameCluster(reader);
    if (path === MEMORY) {
      writes = onThisThread(reader, { search, report: onReport });
    } else {
      // From now on waiting would keep everybody waiting; in this mode readers have nothing to wait for.
      reader.exec("PRAGMA query_only = ON; PRAGMA busy_timeout = 0");
      writes = await WriterThread.start({ ...options, search, onReport });
    }
  } catch (error) {
    reader?.close();
    file?.close();
    throw error instanceof StartupError ? error : new StartupError(whyNot(path, error));
  }
  const db = reader;
  const log = new SqliteLog(db, { writes, now });
  const searches = path === MEMORY ? searchesOnThisThread(db) : new SearchThread(options);
  const finish = async () => {
    await log.drain();
    await searches.close();
    if (path !== MEMORY) db.close();
    // The last one to close brings everything into one file.
    await writes.close();
    file?.close();
  };
  const cluster = new SqliteCluster(db, { writes });
  let closing: Promise<void> | undefined;
  return {
    accounts: new SqliteAccounts(db, { writes, now }),
    devices: new SqliteDevices(db, { writes }),
    social: new SqliteSocial(db, { writes, now }),
    log,
    search: searches,
    leases: new MemoryLeases(async () => (await cluster.read()).log),
    cluster,
    close: () => closing ??= inTime(finish(), onReport),
  };
}

/** A database in memory has one connection. */
function onThisThread(
  db: DatabaseSync,
  { search, report }: { search: boolean; report: (report: Report) => void },
): Writes {
  const writer = new SqliteWriter(db, { report });
  let calls = 0;
  return {
    // `async` turns what is thrown into a rejection.
    call: async (name, arg) => {
      const result = await perform(writer, { name, arg });
      writer.tidy({ all: false });
      if (search && ++calls % CALLS_AN_INDEXING === 0) writer.index();
      return result;
    },
    close: async () => await writer.close(),
  };
}

function searchesOnThisThread(db: DatabaseSync): SearchStore & { close(): Promise<void> } {
  const searcher = new SqliteSearcher(db);
  return { find: async (query) => await searcher.find(query), close: async () => {} };
}

/** Waits for `done`, but not for ever: what hangs goes on without those who wait, and the file stays ours meanwhile. */
async function inTime(done: Promise<void>, onReport: (report: Report) => void): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    onReport({ level: "warn", message: "the database does not close: the disk does not answer" });
    late.resolve();
  }, CLOSE_WITHIN);
  try {
    await Promise.race([done, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
