import type { Breach } from "../proof/findings.ts";

/** What a server may not do: what the checker of histories finds, and what only the suite can know. */
export type Flaw =
  | Breach
  /** A message was never acknowledged although nothing was broken any more. */
  | "unanswered"
  /** A message, or a login, was refused for good though nothing was wrong with it. */
  | "refused for good"
  /** A frame that is no frame, or lacks fields. */
  | "damaged"
  /** A session was ended although nothing was wrong with it. */
  | "ended"
  /** A user was still cut off long after the fault had been lifted, or a node did not stop in order. */
  | "not recovered";

export interface Violation {
  readonly flaw: Flaw;
  readonly conv: string;
  readonly seq: number | undefined;
  readonly mid: string;
  /** What happened, and to whom. */
  readonly where: string;
}

/** One line of the table. */
export interface Row {
  readonly fault: string;
  injected: number;
  acknowledged: number;
  readonly flaws: Map<Flaw, number>;
  /** The longest that somebody waited for an acknowledgement, or for a message to appear, in ms. */
  outage: number;
  /** The longest from the end of the fault until everybody could reach somebody on the other node, in ms. */
  recovery: number;
}

/** A fault, from its beginning until everything has recovered. */
interface Episode {
  readonly rows: readonly Row[];
  readonly from: number;
  to: number;
}

/** How long before a fault a message may have been acknowledged that is lost by it, in ms. */
const HINDSIGHT = 1000;
/** Violations kept to be told; of more only the number is known. */
const MAX_TOLD = 200;

/** Counts what happens, for the faults that are under way and in total. */
export class Score {
  readonly #now: () => number;
  readonly #rows = new Map<string, Row>();
  readonly #episodes: Episode[] = [];
  readonly total: Row = emptyRow("all together");
  readonly violations: Violation[] = [];
  /** Messages that clients were pushed again and did not show again. */
  repeats = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get rows(): readonly Row[] {
    return [...this.#rows.values()];
  }

  /** How many violations there were, of whatever kind. */
  get count(): number {
    return [...this.total.flaws.values()].reduce((sum, count) => sum + count, 0);
  }

  begin(faults: readonly string[]): void {
    const rows = faults.map((fault) => {
      const row = this.#rows.get(fault) ?? emptyRow(fault);
      this.#rows.set(fault, row);
      return row;
    });
    for (const row of [...rows, this.total]) row.injected++;
    if (rows.length > 1) this.total.injected += rows.length - 1;
    this.#episodes.push({ rows, from: this.#now(), to: Infinity });
  }

  /** @param recovery In ms, counted from when the fault was lifted. */
  end(recovery: number): void {
    const episode = this.#episodes.at(-1);
    if (!episode) return;
    episode.to = this.#now();
    for (const row of [...episode.rows, this.total]) row.recovery = Math.max(row.recovery, recovery);
  }

  acknowledged(wait: number): void {
    for (const row of this.#current()) row.acknowledged++;
    this.waited(wait);
  }

  waited(ms: number): void {
    for (const row of this.#current()) row.outage = Math.max(row.outage, ms);
  }

  /** @param since When what it is about was under way; now, if left out. */
  violate(violation: Violation, since?: number): void {
    const { flaw } = violation;
    const rows = since === undefined ? this.#current() : this.#at(since);
    for (const row of rows) row.flaws.set(flaw, (row.flaws.get(flaw) ?? 0) + 1);
    if (this.violations.length < MAX_TOLD) this.violations.push(violation);
  }

  #current(): Row[] {
    const episode = this.#episodes.at(-1);
    return episode?.to === Infinity ? [...episode.rows, this.total] : [this.total];
  }

  #at(time: number): Row[] {
    const rows = this.#episodes.filter(({ from, to }) => from - HINDSIGHT <= time && time <= to)
      .flatMap((episode) => episode.rows);
    return [...new Set(rows), this.total];
  }
}

function emptyRow(fault: string): Row {
  return { fault, injected: 0, acknowledged: 0, flaws: new Map(), outage: 0, recovery: 0 };
}
