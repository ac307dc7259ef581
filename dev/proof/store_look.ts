import type { Violation } from "./findings.ts";
import type { Sighting } from "./history.ts";

/** A row of the store's log. */
export interface StoredRow {
  readonly conv: string;
  readonly seq: number;
  readonly sender: number;
  /** Empty if it has none. */
  readonly mid: string;
}

/**
 * A second opinion, from the store: whether it holds, under the same numbers, what clients have seen of its log, and
 * nothing else. It can show that clients have all been told the same wrong thing.
 *
 * @param rows In the order of `conv` and `seq`.
 * @param places What clients have seen of the log that is in the store, see `Checker.places`.
 */
export function compareWithStore(
  rows: Iterable<StoredRow>,
  places: Iterable<{ readonly conv: string; readonly seq: number; readonly event: Sighting }>,
): Violation[] {
  const seen = new Map<string, Sighting>();
  let t = 0;
  for (const { conv, seq, event } of places) {
    seen.set(`${conv} ${seq}`, event);
    t = Math.max(t, event.t);
  }
  const violations: Violation[] = [];
  const stored = new Map<string, StoredRow>();
  let before: StoredRow | undefined;
  for (const row of rows) {
    const { conv, seq, sender, mid } = row;
    const says = (why: string, event?: Sighting) =>
      violations.push({
        ...{ breach: "store", why: `the store's number ${seq} of ${conv}${why}`, conv, seq, mid },
        ...{ t: event?.t ?? t, excerpt: event ? [event] : [] },
      });
    const expected = before?.conv === conv ? before.seq + 1 : 1;
    before = row;
    if (seq !== expected) says(` stands where ${expected} should be`);
    const first = mid === "" ? undefined : stored.get(`${sender} ${mid}`);
    if (first) says(` is ${mid} of ${sender}, which is number ${first.seq} of ${first.conv} as well`);
    if (mid !== "") stored.set(`${sender} ${mid}`, row);
    const event = seen.get(`${conv} ${seq}`);
    seen.delete(`${conv} ${seq}`);
    if (event === undefined) says(`, ${mid || "without a mid"} of ${sender}, has been seen by no client`);
    else if (!isSame(row, event)) {
      says(` is ${mid || "without a mid"} of ${sender}; clients saw another`, event);
    }
  }
  for (const [place, event] of seen) {
    const { conv, seq, mid } = event;
    const why = `clients have seen ${place}, which is not in the store`;
    violations.push({ breach: "store", why, conv, seq, mid, t: event.t, excerpt: [event] });
  }
  return violations;
}

function isSame({ sender, mid }: StoredRow, event: Sighting): boolean {
  const from = event.type === "ok" ? event.user : event.from;
  // Frames of some kinds of entries do not show their mid.
  return sender === from && (event.mid === undefined || event.mid === mid);
}
