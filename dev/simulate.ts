// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Runs whole clusters in one thread, on simulated time, networks, machines, stores and buses, and lets everything go
 * wrong: `deno task simulate`. What the clients saw is checked by `dev/proof/check.ts`. Exits with 1 if anything is
 * wrong, and prints the smallest schedule found that shows it.
 */
import { parseArgs } from "@std/cli/parse-args";
import { randomSeed } from "./faults/random.ts";
import { isFine, type Outcome, simulate } from "./simulate/run.ts";
import { type Schedule, scheduleOf } from "./simulate/schedule.ts";
import { shrink } from "./simulate/shrink.ts";
import { Tally } from "./simulate/tally.ts";

const USAGE = `usage: deno task simulate [flags]

  --seeds N          how many schedules (300)
  --seed S           the first seed; the others follow it (random, and printed)
  --seconds N        how long people write and things go wrong in each, in simulated seconds (60)
  --schedule JSON    this schedule instead, as a failing run prints it
  --trace            print everything that happens; for one schedule
  --no-shrink        do not look for a smaller schedule that fails, too
  --json             print the result as one line of JSON
  --help             print this and exit`;

/** How often progress is told, in ms. */
const PROGRESS = 10_000;

interface Options {
  readonly seed: number;
  readonly seeds: number;
  readonly seconds: number;
  readonly schedule: Schedule | undefined;
  readonly trace: boolean;
  readonly mayShrink: boolean;
  readonly json: boolean;
}

/** @throws {RangeError} whose message is for the person who typed. */
function readArgs(args: readonly string[]): Options | "help" {
  const flags: Record<string, unknown> = parseArgs([...args], {
    string: ["seeds", "seed", "seconds", "schedule"],
    boolean: ["trace", "shrink", "json", "help"],
    negatable: ["shrink"],
    default: { seeds: "300", seconds: "60", shrink: true },
    unknown: (arg: string) => {
      throw new RangeError(`unknown argument ${arg}`);
    },
  });
  if (flags.help) return "help";
  const whole = (name: string, least: number) => {
    const number = Number(flags[name]);
    if (!Number.isInteger(number) || number < least) throw new RangeError(`--${name} must be a whole number`);
    return number;
  };
  const schedule = flags.schedule === undefined ? undefined : JSON.parse(String(flags.schedule)) as Schedule;
  const seeds = schedule ? 1 : whole("seeds", 1);
  const trace = flags.trace === true;
  if (trace && seeds !== 1) throw new RangeError("--trace needs --seeds 1, or --schedule");
  return {
    seed: flags.seed === undefined ? randomSeed() % 1_000_000_000 : whole("seed", 0),
    ...{ seeds, seconds: whole("seconds", 1), schedule, trace },
    ...{ mayShrink: flags.shrink === true, json: flags.json === true },
  };
}

async function main(args: readonly string[]): Promise<number> {
  let options;
  try {
    options = readArgs(args);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    return 2;
  }
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  return await run(options);
}

async function run(options: Options): Promise<number> {
  const { seed, seeds, seconds, schedule, trace, json } = options;
  const say = json ? () => {} : console.log;
  if (!schedule) say(seeds === 1 ? `seed ${seed}` : `seeds ${seed} to ${seed + seeds - 1}`);
  const tally = new Tally();
  let told = performance.now();
  for (let i = 0; i < seeds; i++) {
    const one = schedule ?? scheduleOf(seed + i, { seconds });
    const outcome = await simulate(one, trace ? { trace: console.log } : {});
    tally.add(outcome);
    if (!isFine(outcome)) {
      if (json) console.log(JSON.stringify({ seeds: i + 1, ...summaryOf(outcome) }));
      else await tellFailure(outcome, options);
      return 1;
    }
    if (performance.now() - told > PROGRESS) {
      told = performance.now();
      say(`${i + 1} of ${seeds} schedules, ${tally.acknowledged} messages acknowledged, nothing wrong`);
    }
  }
  if (json) console.log(JSON.stringify({ seeds, breaches: [], wrong: [] }));
  else console.log(tally.table());
  return 0;
}

const summaryOf = ({ schedule, verdict, wrong }: Outcome) => ({
  seed: schedule.seed,
  breaches: [...verdict.breaches.keys()],
  wrong,
});

async function tellFailure(
  outcome: Outcome,
  { seconds, mayShrink, schedule, trace }: Options,
): Promise<void> {
  console.log(`\nseed ${outcome.schedule.seed} shows:\n${textOf(outcome)}`);
  const isOther = schedule !== undefined || trace || !mayShrink;
  const small = isOther ? outcome : await shrink(outcome);
  if (small !== outcome) console.log(`\na smaller schedule shows:\n${textOf(small)}`);
  const again = small === outcome
    ? `--seeds 1 --seed ${outcome.schedule.seed} --seconds ${seconds}`
    : `--schedule '${JSON.stringify(small.schedule)}'`;
  if (!isOther) console.log(`\nagain, with all that happens: deno task simulate ${again} --trace`);
}

const textOf = ({ verdict, wrong }: Outcome) =>
  [...wrong, verdict.text].filter((text) => text !== "").join("\n");

if (import.meta.main) Deno.exit(await main(Deno.args));
