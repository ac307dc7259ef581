import type { Report } from "./run.ts";
import type { Flaw, Row } from "./score.ts";

const TOLD = 10;

const HEADINGS = [
  "fault",
  "injected",
  "acknowledged",
  "missing",
  "shown twice",
  "out of order",
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
  const flaw = (name: Flaw) => String(row.flaws.get(name) ?? 0);
  return [
    row.fault,
    String(row.injected),
    String(row.acknowledged),
    flaw("missing"),
    flaw("shown twice"),
    flaw("out of order"),
    String(Math.round(row.outage)),
    String(Math.round(row.recovery)),
  ];
}

/** What went wrong, in words; empty if nothing did. */
export function verdict({ total, violations }: Pick<Report, "total" | "violations">): string {
  const counts = [...total.flaws].map(([flaw, count]) => `${flaw}: ${count}`);
  const told = violations.slice(0, TOLD).map(({ flaw, conv, seq, mid, where }) =>
    `  ${flaw}: conversation ${conv || "-"}, number ${seq ?? "-"}, message ${mid || "-"}: ${where}`
  );
  return counts.length === 0 ? "" : [counts.join(", "), ...told].join("\n");
}
