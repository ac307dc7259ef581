import { GroupCommit } from "./group_commit.ts";
import type { Slots } from "./slots.ts";

/**
 * Looks up many keys in one query: what is asked for while a query is on its way goes together in the next one.
 * A key that is asked for twice is looked up once. A query begins after everything in it was asked for, so an answer
 * is never older than its question.
 */
export class Lookup<Key extends string | number, Value> {
  readonly #gathered: GroupCommit<Key, Value | undefined>;

  /**
   * @param find Finds what there is under these keys, each of which is there once.
   * @param options `most`: how many keys go together, at most. `slots`: what a query waits for.
   */
  constructor(
    find: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
    { most, slots }: { most: number; slots?: Slots },
  ) {
    this.#gathered = new GroupCommit(async (keys) => {
      const found = await find([...new Set(keys)]);
      return keys.map((key) => found.get(key));
    }, { entries: most, size: most, sizeOf: () => 1, ...slots && { slots } });
  }

  get(key: Key): Promise<Value | undefined> {
    return this.#gathered.add(key);
  }
}

/** Rows by one of their columns, those of a key in their order. */
export function byKey<Key, Row>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}
