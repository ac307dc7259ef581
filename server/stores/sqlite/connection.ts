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

/** Opens a connection, ready for use. */
export function connect(options: ConnectOptions): DatabaseSync {
  const db = openFile(options.path);
  try {
    configure(db, options);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens a connection that has changed nothing yet. */
export function openFile(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  setBusyTimeout(db);
  return db;
}

/** Says how long a file that another program has locked is waited for, in ms. */
export function setBusyTimeout(db: DatabaseSync, ms = BUSY_TIMEOUT): void {
  db.exec(`PRAGMA busy_timeout = ${ms}`);
}

/** Makes a connection ready for use. */
export function configure(db: DatabaseSync, { durability }: ConnectOptions): void {
  for (
    const setting of [
      // WAL: readers and the writer do not wait for each other, and a commit is one sequential write.
      "journal_mode = WAL",
      `synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`,
      `wal_autocheckpoint = ${CHECKPOINT}`,
      "foreign_keys = ON",
      // What is deleted or overwritten is gone from the page, not only free.
      "secure_delete = ON",
      "cache_size = -65536",
    ]
  ) {
    // Prepared: errors of `exec` do not say what kind they are.
    db.prepare(`PRAGMA ${setting}`).all();
  }
}
