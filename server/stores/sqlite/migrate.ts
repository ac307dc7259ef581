import type { DatabaseSync } from "node:sqlite";
import { StartupError } from "../../errors.ts";
import { SQLITE_MIGRATIONS } from "../migrations.ts";
import type { Report } from "./writes.ts";

/** A step that took so long, in ms, is worth a line in the log. */
const LONG = 1000;

/**
 * Brings the schema to this version. Each migration is one transaction: a process that ends in the middle of one leaves
 * the database as it was before.
 * @throws {StartupError} if the database is of a newer version.
 */
export function migrate(
  db: DatabaseSync,
  { path, report }: { path: string; report: (report: Report) => void },
): void {
  const found = versionOf(db);
  const newest = SQLITE_MIGRATIONS.at(-1)!.version;
  if (found > newest) {
    throw new StartupError(
      `the database ${path} has schema version ${found}, this program knows ${newest}: use the newer chat-server`,
    );
  }
  for (const { version, sql } of SQLITE_MIGRATIONS) {
    if (version <= found) continue;
    const steps = sql.split(/;\n(?! )/).filter((step) => step.trim() !== "");
    db.prepare("BEGIN IMMEDIATE").run();
    try {
      steps.forEach((step, i) => {
        const began = performance.now();
        // Prepared: errors of `exec` do not say what kind they are.
        db.prepare(step).run();
        if (performance.now() - began < LONG) return;
        report({
          level: "info",
          message: "bringing the database to a new schema version",
          fields: { version, step: i + 1, of: steps.length },
        });
      });
      db.exec(`PRAGMA user_version = ${version}`);
      db.prepare("COMMIT").run();
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }
}

export function versionOf(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.user_version);
}

/** Whether a file is being filled, see `bulk.ts`. */
export function isUnfinished(db: DatabaseSync): boolean {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'imported'").get();
  return isThere !== undefined && db.prepare("SELECT 1 FROM imported WHERE complete = 0").get() !== undefined;
}
