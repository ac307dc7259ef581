/** What a statement reads and changes: tables, or parts of them that have a name. */
export interface Touches {
  readonly reads: ReadonlySet<string>;
  /** Only added, if not there already: it makes no difference who does it first. */
  readonly adds: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

export const touches = (some: Partial<Touches>): Touches => ({
  reads: NONE,
  adds: NONE,
  writes: NONE,
  ...some,
});
export const NOTHING: Touches = touches({});

const ADDS = /INSERT IGNORE|ON DUPLICATE KEY UPDATE (\w+) = (?:VALUES\()?\1\b/i;

/** What one or more statements touch, judged by their text; of each table only these parts. */
export function touchesOf(sql: string, parts: readonly string[]): Touches {
  const found = { reads: new Set<string>(), adds: new Set<string>(), writes: new Set<string>() };
  const note = (what: keyof Touches, table: string) => {
    for (const part of parts) found[what].add(`${table.toLowerCase()} ${part}`);
  };
  for (const statement of sql.split(";")) {
    for (const [, table] of statement.matchAll(/\b(?:FROM|JOIN)\s+([a-z]+)/gi)) note("reads", table!);
    for (const [, table] of statement.matchAll(/\b(?:INSERT|REPLACE|INSERT IGNORE) INTO\s+([a-z]+)/gi)) {
      note(ADDS.test(statement) ? "adds" : "writes", table!);
    }
    for (const [, table] of statement.matchAll(/(?:\bDELETE FROM|^\s*UPDATE)\s+([a-z]+)/gi)) {
      note("writes", table!);
    }
  }
  return found;
}

/** Whether it makes no difference which of the two is first. */
export function areIndependent(one: Touches, two: Touches): boolean {
  const changes = ({ adds, writes }: Touches) => adds.union(writes);
  return one.writes.isDisjointFrom(changes(two)) && two.writes.isDisjointFrom(changes(one)) &&
    one.reads.isDisjointFrom(changes(two)) && two.reads.isDisjointFrom(changes(one));
}

export const both = (one: Touches, two: Touches): Touches => ({
  reads: one.reads.union(two.reads),
  adds: one.adds.union(two.adds),
  writes: one.writes.union(two.writes),
});

/** What a statement touches that has failed: it has only looked. */
export const failed = ({ reads, adds, writes }: Touches): Touches =>
  touches({ reads: reads.union(adds).union(writes) });
