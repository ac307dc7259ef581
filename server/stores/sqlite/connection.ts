import { DatabaseSync } from "node:sqlite";

export interface ConnectOptions {
  /** A file's path, or `:memory:`. */
  readonly path: string;
  /** `full` syncs the disk at every commit; `normal` may lose the last moments when the power fails. */
  readonly durability: "full" | "normal";
}

/** How long a file that another program has locked is waited for, in ms. */
const BUSY_TIMEOUT = 500;
/** Pages of the log file that are brought into the database file at once: more are fewer writes of the same page. */
const CHECKPOINT = 8000;

/** Opens a connection. */
export function connect({ path, durability }: ConnectOptions): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    // WAL: readers and the writer do not wait for each other, and a commit is one sequential write.
    db.exec(`
      PRAGMA busy_timeout = ${BUSY_TIMEOUT};
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT};
      PRAGMA foreign_keys = ON;
      PRAGMA cache_size = -65536;
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
