import { GOALS, whole, withRatio } from "./goals.ts";
import { format, type Result } from "./result.ts";

const NOTHING = "–";

/** The figures of a run as `dev/bench/README.md` has them: goals, all results, and what one of each costs. */
export function markdown(results: readonly Result[]): string {
  const find = (what: string, on: string) => results.find((one) => one.what === what && one.on === on);
  const goals = GOALS.map(({ what, before, target, figure }) => [
    what,
    before,
    target,
    figure(find) ?? NOTHING,
  ]);
  const targets = [...new Set(results.map(({ on }) => on))];
  const costing = results.filter(({ serverMicros }) => serverMicros !== undefined);
  const grid = (some: readonly Result[], cell: (result: Result) => string) =>
    [...Map.groupBy(some, ({ what, unit }) => `${what}, ${unit}`)].map(([what, row]) => {
      const byTarget = new Map(row.map((result) => [result.on, cell(result)]));
      return [what, ...targets.map((on) => byTarget.get(on) ?? NOTHING)];
    });
  return [
    alignedTable([["goal", "before", "target", "now"], ...goals]),
    alignedTable([["", ...targets], ...grid(results, valueOf)]),
    alignedTable([["µs of node; µs of MariaDB; statements", ...targets], ...grid(costing, costOf)]),
  ].join("\n\n");
}

function valueOf(result: Result): string {
  const { value, ratio, p50, p99 } = result;
  const figure = ratio === undefined ? value >= 1000 ? whole(value) : format(value) : withRatio(result);
  return p50 === undefined || p99 === undefined ? figure : `${figure}; ${format(p50)}, ${format(p99)} ms`;
}

function costOf({ serverMicros, mariadbMicros, statements }: Result): string {
  return [serverMicros, mariadbMicros, statements].filter((one) => one !== undefined).map(format).join("; ");
}

/** A table in Markdown, formatted as `deno fmt` leaves it. The first row is the headings. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}
