import type { Report } from "./run.ts";
import type { Flaw, Row } from "./score.ts";

const TOLD = 10;

/** The columns of flaws; every other flaw is counted in the last one. */
const COLUMNS: ReadonlyMap<string, readonly Flaw[]> = new Map([
  ["missing", ["lost", "gap", "disappeared", "ends differ"]],
  ["twice", ["stored twice", "shown twice", "moved"]],
  ["out of order", ["order", "shown late"]],
]);
const NAMED = [...COLUMNS.values()].flat();

const HEADINGS = [
  "fault",
  "injected",
  "acknowledged",
  ...COLUMNS.keys(),
  "other",
  "longest outage ms",
  "recovery ms, max",
];

/** The table of a run, a line a fault, in Markdown. */
export function table({ rows, total }: Pick<Report, "rows" | "total">): string {
  const sorted = [...rows].sort((a, b) => a.fault < b.fault ? -1 : 1);
  const cells = [HEADINGS, ...[...sorted, total].map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")} |`;
  const rule = `|${
    widths.map((width, i) => i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")
  }|`;
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)].join("\n");
}

function cellsOf(row: Row): string[] {
  const count = (isWanted: (flaw: Flaw) => boolean) =>
    String([...row.flaws].reduce((sum, [flaw, count]) => isWanted(flaw) ? sum + count : sum, 0));
  return [
    row.fault,
    String(row.injected),
    String(row.acknowledged),
    ...[...COLUMNS.values()].map((flaws) => count((flaw) => flaws.includes(flaw))),
    count((flaw) => !NAMED.includes(flaw)),
    String(Math.round(row.outage)),
    String(Math.round(row.recovery)),
  ];
}

/** What went wrong, in words, with the events that show it; empty if nothing did. */
export function verdict({ total, violations, excerpts }: Omit<Report, "seed">): string {
  const counts = [...total.flaws].map(([flaw, count]) => `${flaw}: ${count}`);
  const told = violations.slice(0, TOLD).map(({ flaw, conv, seq, mid, where }) =>
    `  ${flaw}: conversation ${conv || "-"}, number ${seq ?? "-"}, message ${mid || "-"}: ${where}`
  );
  return counts.length === 0 ? "" : [counts.join(", "), ...told, excerpts].join("\n");
}
