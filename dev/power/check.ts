import type { Acknowledged } from "./events.ts";
import type { Person } from "./load.ts";
import { isTextOf } from "./text.ts";

/** What must be in the database after a power failure. */
export interface Expected {
  readonly acknowledged: readonly Acknowledged[];
  readonly people: readonly Person[];
}

/** A message as it was read after the power failure. */
export interface Found {
  readonly conv: string;
  readonly seq: number;
  readonly sender: number;
  readonly mid: string | null;
  readonly text: string;
}

/** What was found wrong after a power failure. */
export interface Verdict {
  /** Acknowledged messages that are not there, or not in their place. */
  readonly lost: number;
  /** Everything else, in words. */
  readonly flaws: readonly string[];
}

/** Compares what was read, in the order of numbers in each conversation, with what must be there. */
export function compare(found: readonly Found[], { acknowledged }: Expected): Verdict {
  const flaws: string[] = [];
  const places = new Map<string, Found>();
  const mids = new Set<string>();
  const last = new Map<string, number>();
  for (const message of found) {
    const { conv, seq, sender, mid, text } = message;
    const expected = (last.get(conv) ?? 0) + 1;
    if (seq !== expected) flaws.push(`${conv} has message ${seq} where message ${expected} should be`);
    last.set(conv, seq);
    places.set(`${conv} ${seq}`, message);
    if (mid === null || mids.has(`${sender} ${mid}`)) flaws.push(`${conv} ${seq}: ${mid} is stored twice`);
    mids.add(`${sender} ${mid}`);
    if (mid === null || !isTextOf(mid, text)) flaws.push(`${conv} ${seq}: not the text of ${mid}`);
  }
  const lost = acknowledged.filter(({ conv, seq, mid }) => places.get(`${conv} ${seq}`)?.mid !== mid).length;
  return { lost, flaws };
}
