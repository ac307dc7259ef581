/** The tables that a statement reads and changes. */
export interface Touches {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

export const NOTHING: Touches = { reads: new Set(), writes: new Set() };

/** What one or more statements touch, judged by their text. */
export function touchesOf(sql: string): Touches {
  const named = (pattern: RegExp) =>
    new Set([...sql.matchAll(pattern)].map((match) => match[1]!.toLowerCase()));
  return {
    reads: named(/\b(?:FROM|JOIN)\s+([a-z]+)/gi),
    writes: named(/\b(?:INSERT(?: IGNORE)? INTO|DELETE FROM|(?<!DUPLICATE KEY |FOR )UPDATE)\s+([a-z]+)/gi),
  };
}

/** Whether it makes no difference which of the two is first. */
export function areIndependent(one: Touches, two: Touches): boolean {
  return one.writes.isDisjointFrom(two.writes) && one.writes.isDisjointFrom(two.reads) &&
    one.reads.isDisjointFrom(two.writes);
}

export const both = (one: Touches, two: Touches): Touches => ({
  reads: one.reads.union(two.reads),
  writes: one.writes.union(two.writes),
});
