// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Breaks a cluster in every way there is while people chat on it, and counts what was lost:
 * `deno task faults [--seed N] [--minutes M] [--only NAME[,NAME…]] [--history FILE]
 * [--previous COMMIT|EXECUTABLE] [--list]`. Exits with 1 if the
 * clients' histories show anything that a chat server may not do, and says by which seed.
 */
import { parseArgs } from "@std/cli/parse-args";
import { FAULTS } from "./faults/catalogue.ts";
import type { Fault } from "./faults/fault.ts";
import { NoPrevious } from "./faults/previous.ts";
import { randomSeed } from "./faults/random.ts";
import { type Report, runFaults } from "./faults/run.ts";
import { table, verdict } from "./faults/table.ts";

const USAGE =
  "usage: deno task faults [--seed N] [--minutes M] [--only NAME[,NAME…]] [--history FILE] [--previous COMMIT|EXECUTABLE] [--list]";

const HELP = `Breaks a cluster in every way there is while people chat on it, and counts what was lost.

${USAGE}

  --seed N            repeats the choice of faults of an earlier run (random)
  --minutes M         how long faults are injected (2)
  --only NAME[,NAME]  only these faults (all)
  --history FILE      keeps what the clients sent and were shown, as JSON lines
  --previous WHAT     the release that nodes are upgraded from: a commit, a tag, or an executable (the last tag)
  --list              prints the names of the faults and what they do`;

interface Options {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: readonly Fault[];
  readonly history: string | undefined;
  readonly previous: string | undefined;
  readonly list: boolean;
  readonly help: boolean;
}

/** @throws {RangeError} whose message is for the person who typed. */
function readArgs(args: readonly string[]): Options {
  const flags: Record<string, unknown> = parseArgs([...args], {
    string: ["seed", "minutes", "only", "history", "previous"],
    boolean: ["list", "help"],
    default: { minutes: "2", only: "all" },
    unknown: (arg: string) => {
      throw new RangeError(`unknown argument ${arg}`);
    },
  });
  const seed = flags.seed === undefined ? randomSeed() : Number(flags.seed);
  const minutes = Number(flags.minutes);
  if (!Number.isInteger(seed) || seed < 0) throw new RangeError("--seed must be a whole number");
  if (!(minutes > 0)) throw new RangeError("--minutes must be a number above 0");
  const names = String(flags.only).split(",");
  const unknown = names.find((name) => name !== "all" && !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new RangeError(`--only: there is no fault ${unknown}; see --list`);
  const faults = names.includes("all") ? FAULTS : FAULTS.filter(({ name }) => names.includes(name));
  const text = (flag: unknown) => flag === undefined ? undefined : String(flag);
  return {
    ...{ seed, minutes, faults, history: text(flags.history), previous: text(flags.previous) },
    list: flags.list === true,
    help: flags.help === true,
  };
}

async function main(args: readonly string[]): Promise<number> {
  let options;
  try {
    options = readArgs(args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    return 2;
  }
  const { seed, minutes, faults, history, previous, list, help } = options;
  if (help) {
    console.log(HELP);
    return 0;
  }
  if (list) {
    for (const { name, about } of FAULTS) console.log(`${name.padEnd(18)}${about}`);
    return 0;
  }
  console.log(`seed ${seed}`);
  const stop = new AbortController();
  const interrupted = () => stop.abort(new Interrupted(`interrupted; seed ${seed}`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupted);
  const report = await runFaults({
    seed,
    duration: minutes * 60_000,
    faults,
    history,
    previous,
    progress: console.log,
    signal: stop.signal,
  });
  return tell(report);
}

/** Prints what came of a run; the exit code. */
function tell(report: Report): number {
  console.log(`\n${table(report)}\n`);
  console.log(`${report.repeats} messages came again after a reconnection and were not shown again`);
  if (report.defects.length > 0) {
    console.log(`the nodes logged ${report.defects.length} defects, the first: ${report.defects[0]}`);
  }
  const failed = verdict(report);
  console.log(failed === "" ? "nothing was lost" : `\n${failed}\n\nfailed; seed ${report.seed}`);
  return failed === "" ? 0 : 1;
}

class Interrupted extends Error {}

/** 130 if it was interrupted, 2 if the previous version cannot be had. */
async function exitCode(args: readonly string[]): Promise<number> {
  try {
    return await main(args);
  } catch (error) {
    if (!(error instanceof Interrupted || error instanceof NoPrevious)) throw error;
    console.error(error.message);
    return error instanceof NoPrevious ? 2 : 130;
  }
}

if (import.meta.main) Deno.exit(await exitCode(Deno.args));
