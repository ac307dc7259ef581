import { format, type Result } from "./result.ts";

const HEADINGS = [
  "what",
  "on",
  "result",
  "",
  "ratio",
  "p50 ms",
  "p99 ms",
  "load busy",
  "server busy",
  "MariaDB busy",
  "Redis busy",
  "node µs",
  "MariaDB µs",
  "statements",
];
/** Columns of text; the others are numbers. */
const TEXT = new Set([0, 1, 3]);

/** The results as a table in Markdown. */
export function table(results: readonly Result[]): string {
  const rows = [HEADINGS, ...results.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, i) => TEXT.has(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")
    } |`;
  const rule = widths.map((width, i) => TEXT.has(i) ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`);
  return [line(HEADINGS), `|${rule.join("|")}|`, ...rows.slice(1).map(line)].join("\n");
}

function cellsOf(result: Result): string[] {
  const { what, on, value, unit, ratio, p50, p99, loadBusy, serverBusy, mariadbBusy, redisBusy } = result;
  const { serverMicros, mariadbMicros, statements } = result;
  const fixed = (number: number | undefined) => number?.toFixed(2) ?? "";
  const short = (number: number | undefined) => number === undefined ? "" : format(number);
  return [
    what,
    on,
    format(value),
    unit,
    ...[ratio, p50, p99, loadBusy, serverBusy, mariadbBusy, redisBusy].map(fixed),
    ...[serverMicros, mariadbMicros, statements].map(short),
  ];
}
