import type { Run } from "./measure.ts";
import { median } from "./statistics.ts";

/** A line of the final table. */
export interface Result {
  readonly what: string;
  /** The target. */
  readonly on: string;
  readonly value: number;
  /** What the value counts. */
  readonly unit: string;
  /** To the figure that the scenario compares with. */
  readonly ratio?: number;
  /** Latencies, ms. */
  readonly p50?: number;
  readonly p99?: number;
  /** Processors that were busy. */
  readonly loadBusy?: number;
  readonly serverBusy?: number;
  readonly mariadbBusy?: number;
  readonly redisBusy?: number;
  /** Processor time for one of what the value counts, µs. */
  readonly serverMicros?: number;
  readonly mariadbMicros?: number;
  /** Statements to MariaDB for one of what the value counts, and how many of them were INSERT. */
  readonly statements?: number;
  readonly inserts?: number;
  /** The figures of every repetition. */
  readonly runs?: readonly unknown[];
}

/** Three digits, or all before the point. */
export function format(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** A result in a few words. */
export function headline({ what, on, value, unit }: Result): string {
  return `${what}, ${on}: ${format(value)} ${unit}`;
}

/** What only some targets have. */
const SOMETIMES = ["mariadbBusy", "redisBusy", "mariadbMicros", "statements", "inserts"] as const;

/** The medians of a load's repetitions. */
export function resultOf(
  runs: readonly Run[],
  about: { what: string; on: string; unit: string; floor?: number },
): Result {
  const { what, on, unit, floor } = about;
  const of = (key: keyof Run) => median(runs.map((run) => run[key] ?? 0));
  const value = of("perSecond");
  return {
    what,
    on,
    value,
    unit,
    ...floor !== undefined && { ratio: value / floor },
    p50: of("p50"),
    p99: of("p99"),
    loadBusy: of("busy"),
    serverBusy: of("serverBusy"),
    serverMicros: of("serverMicros"),
    ...Object.fromEntries(
      SOMETIMES.filter((key) => runs[0]?.[key] !== undefined).map((key) => [key, of(key)]),
    ),
    runs,
  };
}
