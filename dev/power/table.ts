import { alignedTable } from "../bench/markdown.ts";
import type { Report } from "./cut.ts";

/** So many violations are told. */
const TOLD = 10;

const HEADINGS = [
  "durability",
  "recording",
  "moments",
  "by a server",
  "acknowledged",
  "checked",
  "lost",
  "moments with loss",
  "torn files",
  "unsynced changes",
  "of these lost",
];

/** The table of some runs, a line each, in Markdown. */
export function table(reports: readonly Report[]): string {
  return alignedTable([
    HEADINGS,
    ...reports.map((report) =>
      [
        report.durability,
        report.recording,
        ...[
          report.moments,
          report.byServer,
          report.acknowledged,
          report.expected,
          report.lost,
          report.losing,
        ],
        ...[report.tornFiles, report.unsyncedChanges, report.lostChanges],
      ].map(String)
    ),
  ]);
}

/** What went wrong, in words; empty if nothing did. */
export function verdict(reports: readonly Report[]): string {
  const sum = (figure: (report: Report) => number) =>
    reports.reduce((sum, report) => sum + figure(report), 0);
  const [lost, losing, moments] = [
    sum(({ lost }) => lost),
    sum(({ losing }) => losing),
    sum((one) => one.moments),
  ];
  const violations = reports.flatMap(({ recording, violations }) =>
    violations.map(({ moment, at, what }) => `  ${recording}, moment ${moment} (event ${at}): ${what}`)
  );
  const lines = violations.slice(0, TOLD);
  if (violations.length > 0) lines.unshift(`${violations.length} other violations:`);
  if (lost > 0) lines.unshift(`lost ${lost} acknowledged messages, at ${losing} of ${moments} moments`);
  return lines.join("\n");
}
