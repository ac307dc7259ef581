import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { MariaDb } from "../services.ts";

/** A database that is written to directly, while no server runs on it. Both kinds take the same SQL, but for this. */
export interface Filler {
  run(sql: string): Promise<void>;
  /** A table `n` of the numbers from 1 on. */
  series(count: number): string;
  sha256(text: string): string;
  /** Where messages are that are not new. */
  readonly messages: string;
  /** A statement that begins conversations of a name and a length each, for every row of `from`. */
  begin(conv: string, options: { seq: string; from: string }): string;
}

/** Fills a file that a server has made. */
export async function fillSqlite(path: string, fill: (filler: Filler) => Promise<void>): Promise<void> {
  const db = new DatabaseSync(path);
  try {
    // What is lost when the machine fails in the middle of it is of no use anyway.
    db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 100000;");
    db.function(
      "sha256",
      { deterministic: true },
      (text) => createHash("sha256").update(String(text)).digest("hex"),
    );
    await fill({
      run: (sql) => Promise.resolve(db.exec(`BEGIN; ${sql}; COMMIT;`)),
      series: (count) =>
        `(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${count}) SELECT n FROM s)`,
      sha256: (text) => `sha256(${text})`,
      messages: "entry",
      begin: (conv, { seq, from }) =>
        `INSERT INTO conversation (conv, seq) SELECT ${conv}, ${seq} FROM ${from}`,
    });
    // The keys, as the server builds them.
    db.exec(`BEGIN;
      INSERT INTO entry_place (conv, seq, id)
        SELECT conv, seq, id FROM entry WHERE id > (SELECT id FROM filed) ORDER BY conv, seq;
      INSERT INTO entry_mid (sender, mid, id)
        SELECT sender, mid, id FROM entry WHERE id > (SELECT id FROM filed) ORDER BY sender, mid;
      UPDATE filed SET id = coalesce((SELECT max(id) FROM entry), id);
      COMMIT; PRAGMA wal_checkpoint(TRUNCATE);`);
  } finally {
    db.close();
  }
}

/** Fills a database that a server has made. */
export async function fillMariaDb(
  db: MariaDb,
  { database, fill }: { database: string; fill: (filler: Filler) => Promise<void> },
): Promise<void> {
  await fill({
    // ANSI: || joins strings, and "read" is a name.
    run: async (sql) => {
      const settings = "SET sql_mode = 'ANSI', unique_checks = 0;";
      await db.sql(`${settings} BEGIN; ${sql}; COMMIT;`, { database });
    },
    series: (count) => `(SELECT seq AS n FROM seq_1_to_${count})`,
    sha256: (text) => `SHA2(${text}, 256)`,
    messages: "message",
    begin: (conv, { from }) => `INSERT INTO conversation (conv) SELECT ${conv} FROM ${from}`,
  });
}
