import { parseArgs } from "@std/cli/parse-args";
import type { LoadFigures, LoadSettings } from "./load.ts";
import { startCluster, startEmbedded, startRelay, type Target } from "./targets.ts";

const utf8 = new TextEncoder();
const print = (text: string) => void Deno.stdout.writeSync(utf8.encode(text + "\n"));

const HELP =
  `Measures messages per second on this machine: pairs of clients in a closed loop against the server, on its
embedded store, on MariaDB, and over two nodes and Redis, and in the same run against the floor, a bare relay that
only parses, looks up and forwards. A message counts when it has reached its receiver and, where the server
acknowledges, its acknowledgement has reached the sender.

usage: deno task bench [--quick] [--repeat N] [--seconds N] [--embedded] [--json FILE]

  --quick       one repetition of one second each
  --repeat N    repetitions, of which the medians are printed (3)
  --seconds N   how long each measures (4)
  --embedded    the embedded store only: needs no MariaDB and Redis
  --json FILE   write the figures of every repetition
`;

/** How many pairs, and how many messages each has under way. */
const LOADS = [{ pairs: 1, inFlight: 1 }, { pairs: 100, inFlight: 1 }, { pairs: 300, inFlight: 4 }];
const USERS = 600;

/** One repetition of one load, in a process of its own. */
async function measure(
  target: Target,
  load: (typeof LOADS)[number],
  times: { folder: string; seconds: number },
): Promise<LoadFigures> {
  const pairs = Array.from({ length: load.pairs }, (_, i) => [2 * i, 2 * i + 1] as const);
  const settings: LoadSettings = {
    ports: target.ports,
    logins: pairs.map(([from, to]) => [target.login(from), target.login(to)]),
    receivers: pairs.map(([, to]) => target.idOf(to)),
    inFlight: load.inFlight,
    acknowledged: target.acknowledged,
    warmUpMs: 1000 * Math.min(1, times.seconds),
    measureMs: 1000 * times.seconds,
  };
  const file = `${times.folder}/load.json`;
  await Deno.writeTextFile(file, JSON.stringify(settings));
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("load.ts", import.meta.url).pathname, file],
    stderr: "inherit",
  });
  const { code, stdout } = await command.output();
  if (code !== 0) throw new Error(`the load failed on ${target.name}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as LoadFigures;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function row(
  load: (typeof LOADS)[number],
  { target, figures }: { target: Target; figures: LoadFigures[] },
  floor: number,
) {
  const of = (key: keyof LoadFigures) => median(figures.map((run) => run[key]));
  return [
    `${load.pairs} × ${load.inFlight}`.padEnd(19),
    target.name.padEnd(27),
    of("perSecond").toFixed(0).padStart(10),
    (of("perSecond") / floor).toFixed(2).padStart(7),
    of("p50").toFixed(2).padStart(8),
    of("p99").toFixed(2).padStart(8),
    of("busy").toFixed(2).padStart(11),
  ].join(" ");
}

async function main(): Promise<void> {
  const flags: Record<string, unknown> = parseArgs(Deno.args, {
    boolean: ["quick", "help", "embedded"],
    string: ["repeat", "seconds", "json"],
  });
  if (flags.help === true) return print(HELP);
  const repeat = Number(flags.repeat ?? (flags.quick === true ? 1 : 3));
  const seconds = Number(flags.seconds ?? (flags.quick === true ? 1 : 4));
  const folder = await Deno.makeTempDir();
  const results: Record<string, unknown>[] = [];
  await using running = new AsyncDisposableStack();
  running.defer(() => Deno.remove(folder, { recursive: true }));
  const targets: Target[] = [running.use(await startRelay()), running.use(await startEmbedded(USERS, print))];
  if (flags.embedded !== true) {
    for (const target of await startCluster(USERS)) targets.push(running.use(target));
  }
  const machine = `${navigator.hardwareConcurrency} processors, Deno ${Deno.version.deno}`;
  print(`${repeat} × ${seconds} s each, medians; ${machine}\n`);
  print("pairs × in flight   target                      messages/s   ratio   p50 ms   p99 ms   load busy");
  for (const load of LOADS) {
    const runs = targets.map((target) => ({ target, figures: [] as LoadFigures[] }));
    for (let i = 0; i < repeat; i++) {
      for (const { target, figures } of runs) figures.push(await measure(target, load, { folder, seconds }));
    }
    const floor = median(runs[0]!.figures.map((run) => run.perSecond));
    for (const run of runs) {
      print(row(load, run, floor));
      results.push({ ...load, target: run.target.name, runs: run.figures });
    }
  }
  for (const target of targets.slice(0, 3)) {
    print(`${target.name} after the load: ${target.rss().toFixed(0)} MB resident`);
  }
  if (typeof flags.json === "string") {
    await Deno.writeTextFile(flags.json, JSON.stringify(results, undefined, 2) + "\n");
  }
}

await main();
