import type { DatabaseSync } from "node:sqlite";
import type { PasswordHashing } from "../../services/passwords.ts";
import type { BulkRows, BulkStore } from "../../stores/bulk.ts";
import { countRows, pages, STEPS } from "./pages.ts";
import type { Progress } from "./progress.ts";

/** How far an import is: the name of what it reads, the step, and the last place that was written. */
interface Position {
  readonly source: string;
  readonly step: number;
  readonly place: number;
  /** Of an import that has ended. */
  readonly report?: string;
}

/** What a database says of an import that has written to it. */
export function readPosition(note: string): Position {
  return JSON.parse(note) as Position;
}

export interface WritingOptions {
  readonly source: string;
  readonly from: DatabaseSync;
  readonly to: BulkStore;
  readonly passwords: Pick<PasswordHashing, "hash">;
  readonly progress: Progress;
  readonly report: string;
  readonly isStopping: () => boolean;
}

/**
 * Writes what was staged, each page in one transaction together with the position, and goes on where an earlier import
 * ended. False if it was stopped in between.
 */
export async function writeAll(options: WritingOptions): Promise<boolean> {
  const { source, from, to, progress, report, isStopping } = options;
  const begun = to.noted && readPosition(to.noted.note);
  for (let step = begun?.step ?? 0; step < STEPS.length; step++) {
    const { name } = STEPS[step]!;
    const after = step === begun?.step ? begun.place : 0;
    progress.begin(name, countRows(from, STEPS[step]!, after));
    for (const { rows, count, place } of pages(from, STEPS[step]!, after)) {
      if (isStopping()) return false;
      const hashed = rows.users ? await hashAll(rows.users, options) : rows;
      const note: Position = { source, step, place };
      await to.write(hashed, { note: JSON.stringify(note), isComplete: false });
      if (!rows.users) progress.add(count);
    }
    progress.end();
  }
  const end: Position = { source, step: STEPS.length, place: 0, report };
  await to.write({}, { note: JSON.stringify(end), isComplete: true });
  return true;
}

/** As many at a time as there are cores: the others wait. */
async function hashAll(
  users: NonNullable<BulkRows["users"]>,
  { passwords, progress }: Pick<WritingOptions, "passwords" | "progress">,
): Promise<BulkRows> {
  return {
    users: await Promise.all(users.map(async (user) => {
      const password = await passwords.hash(user.password);
      progress.add();
      return { ...user, password };
    })),
  };
}
