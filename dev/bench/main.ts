import { markdown as markdownOf } from "./markdown.ts";
import { type Options, readOptions, sizesOf } from "./options.ts";
import { table } from "./report.ts";
import { headline, type Result } from "./result.ts";
import { Bench, type Scenario } from "./scenario.ts";
import { chat } from "./scenarios/chat.ts";
import { catchUp } from "./scenarios/catch_up.ts";
import { dialogue } from "./scenarios/dialogue.ts";
import { flat } from "./scenarios/flat.ts";
import { groups } from "./scenarios/groups.ts";
import { history } from "./scenarios/history.ts";
import { idle } from "./scenarios/idle.ts";
import { largeLogin } from "./scenarios/large_login.ts";
import { logins } from "./scenarios/logins.ts";
import { reconnect } from "./scenarios/reconnect.ts";
import { soak } from "./scenarios/soak.ts";
import { start } from "./scenarios/start.ts";
import { World } from "./world.ts";

const SCENARIOS: readonly Scenario[] = [
  start,
  chat,
  dialogue,
  groups,
  logins,
  largeLogin,
  history,
  catchUp,
  flat,
  idle,
  reconnect,
  soak,
];

const HELP =
  `Measures the server on this machine: on its embedded store, on MariaDB, and over two nodes and Redis, and
in the same run the floor, a bare relay that only parses, looks up and forwards. Load comes from processes of their
own, in closed loops: "load busy" says how much of a processor they used, and near 1 they were the limit.

usage: deno task bench [flags]

  --quick           everything in a reduced form, in about a minute
  --repeat N        repetitions, of which the medians are printed (5)
  --seconds N       how long each measures (4)
  --embedded        the embedded store only: needs no MariaDB and Redis
  --only NAME[,…]   only these scenarios
  --soak MINUTES    a soak after everything else; 10 for a release
  --large           10 million messages in the log where it is compared with an empty one: needs 4 GB of disk
  --markdown        print the tables of dev/bench/README.md instead
  --json FILE       write the figures of every repetition
  --help            print this and exit

scenarios:
${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(17)} ${about}`).join("\n")}
`;

const utf8 = new TextEncoder();
const print = (text: string) => void Deno.stdout.writeSync(utf8.encode(text + "\n"));
const say = (text: string) => void Deno.stderr.writeSync(utf8.encode(text + "\n"));

class Interrupted extends Error {}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  let options;
  try {
    options = readOptions(args, SCENARIOS.map(({ name }) => name));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    say(`${error.message}; see --help`);
    return 2;
  }
  if (options === "help") {
    print(HELP);
    return 0;
  }
  const began = performance.now();
  const { results, failures } = await run(options, signal);
  const { repeat, seconds, json, markdown } = options;
  const machine = `${navigator.hardwareConcurrency} processors, Deno ${Deno.version.deno}`;
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  const tables = markdown ? markdownOf(results) : table(results);
  print(`\n${repeat} × ${seconds} s each, medians; ${machine}; took ${minutes} min\n\n${tables}`);
  for (const failure of failures) print(failure);
  if (json !== undefined) {
    const report = { machine, repeat, seconds, sizes: sizesOf(options), results, failures };
    await Deno.writeTextFile(json, JSON.stringify(report, undefined, 2) + "\n");
  }
  return failures.length === 0 ? 0 : 1;
}

async function run(
  options: Options,
  signal: AbortSignal,
): Promise<{ results: Result[]; failures: string[] }> {
  const sizes = sizesOf(options);
  await using world = await World.create({ crowd: sizes.crowd, embedded: options.embedded });
  const bench = new Bench({ options, sizes, world, signal, say });
  const results: Result[] = [];
  const failures: string[] = [];
  for (const scenario of SCENARIOS.filter((scenario) => isWanted(scenario, options))) {
    try {
      for await (const result of scenario.run(bench)) {
        say(`  ${headline(result)}`);
        results.push(result);
      }
    } catch (error) {
      signal.throwIfAborted();
      // The others are worth measuring all the same.
      failures.push(`${scenario.name} failed: ${error instanceof Error ? error.message : error}`);
      say(failures.at(-1)!);
    }
  }
  return { results, failures };
}

function isWanted(scenario: Scenario, { only, soakMinutes }: Options): boolean {
  if (scenario === soak) return soakMinutes > 0;
  return only.length === 0 || only.includes(scenario.name);
}

/** 130 if it was interrupted. Whatever was started has ended by then. */
async function exitCode(): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new Interrupted("interrupted")));
  }
  try {
    return await main(Deno.args, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say("interrupted");
    return 130;
  }
}

if (import.meta.main) Deno.exit(await exitCode());
