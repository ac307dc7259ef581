import { DaemonError, type MariaDb, type Redis } from "../services.ts";
import { startNode } from "./node.ts";
import type { Previous } from "./previous.ts";

/** What the two versions can be to each other. */
export interface Releases {
  readonly previous: Previous | undefined;
  /** Why no node can be upgraded, or go back to the version before, if that is so. */
  readonly noUpgrade: string | undefined;
  readonly noDowngrade: string | undefined;
}

/**
 * Whether the previous version serves a database that this one has migrated, tried on one of its own.
 * @param previous The version, or why there is none.
 */
export async function compareReleases(
  previous: Previous | string,
  { db, redis }: { db: MariaDb; redis: Redis },
): Promise<Releases> {
  if (typeof previous === "string") {
    return { previous: undefined, noUpgrade: previous, noDowngrade: previous };
  }
  const flags = [`--db=${await db.freshDatabase()}`, `--redis=redis://127.0.0.1:${redis.port}`];
  {
    await using _present = await startNode({ flags });
  }
  try {
    await using _previous = await startNode({ flags, previous });
    return { previous, noUpgrade: undefined, noDowngrade: undefined };
  } catch (error) {
    const refusal = error instanceof DaemonError
      ? /.*schema version.*/.exec(error.log ?? "")?.[0]
      : undefined;
    if (refusal === undefined) throw error;
    return { previous, noUpgrade: undefined, noDowngrade: `${previous.name} says: ${refusal.trim()}` };
  }
}
