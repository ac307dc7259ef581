import type { DatabaseSync } from "node:sqlite";
import { Statement } from "./statements.ts";

/** What the index is made of: so many characters in a row. */
const TERM = 3;
/** Of a long text so many terms are looked up: the candidates are compared with all of it. */
const MOST = 12;
/** If more terms than this begin with two characters, nearly every text has them. */
const MOST_BEGIN = 500;
const LAST = "\u{10ffff}";

/** Looks up the terms that begin with something, {@linkcode MOST_BEGIN} and one more at most. */
export function termsOf(db: DatabaseSync): (begin: string) => readonly string[] {
  const terms = new Statement<{ term: string }>(
    db,
    `SELECT term FROM entry_term WHERE term >= ? AND term < ? LIMIT ${MOST_BEGIN + 1}`,
  );
  return (begin) => terms.all(begin, begin + LAST).map(({ term }) => term);
}

/**
 * The query of FTS5 for candidates that hold a text: every body that holds it is among them. Empty if there are none.
 * Undefined if the index is of no use.
 */
export function matchOf(literal: string, terms: (begin: string) => readonly string[]): string | undefined {
  const signs = [...literal];
  if (signs.length < TERM) {
    const some = terms(literal);
    return some.length > MOST_BEGIN ? undefined : some.map(quoted).join(" OR ");
  }
  const all = new Set(signs.slice(TERM - 1).map((_, i) => signs.slice(i, i + TERM).join("")));
  const step = Math.ceil(all.size / MOST);
  return [...all].filter((_, i) => i % step === 0).map(quoted).join(" AND ");
}

const quoted = (term: string) => `"${term.replaceAll('"', '""')}"`;
