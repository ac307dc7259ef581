// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Cuts the power of a server at random moments, and looks whether what is left on the disk holds every message that
 * was acknowledged: `deno task power [--moments N] [--durability MODE] [--seed N] [--recording FOLDER]`. Exits with 1 if
 * a message is lost. See `dev/power/README.md`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { Random, randomSeed } from "./faults/random.ts";
import { DURABILITIES, type Durability, readRecording, record } from "./power/recording.ts";
import { cutPower, type Report } from "./power/run.ts";
import { NotUnderstood, StraceMissing } from "./power/strace.ts";
import { table, verdict } from "./power/table.ts";

const USAGE =
  "usage: deno task power [--moments N] [--durability full|normal] [--seed N] [--recording FOLDER]";

/** One recording, and how many of the moments are in it. */
interface Part {
  readonly name: string;
  readonly messages: number;
  readonly moments: number;
}

/**
 * Runs of at least 100 moments have a second recording. In its middle SQLite brings its log into the database and
 * begins it anew, for which it takes 8,000 pages; each moment of it costs more.
 */
function partsOf(moments: number): Part[] {
  const long = moments >= 100 ? Math.floor(moments / 5) : 0;
  const short = { name: "short", messages: 800, moments: moments - long };
  return long === 0 ? [short] : [short, { name: "long", messages: 8500, moments: long }];
}

interface Options {
  readonly moments: number;
  readonly durability: Durability;
  readonly seed: number;
  /** The folder of an earlier recording. */
  readonly recording: string | undefined;
}

/** @throws {RangeError} whose message is for the person who typed. */
function readArgs(args: readonly string[]): Options {
  const flags: Record<string, unknown> = parseArgs([...args], {
    string: ["moments", "durability", "seed", "recording"],
    default: { moments: "200", durability: "full" },
    unknown: (arg: string) => {
      throw new RangeError(`unknown argument ${arg}`);
    },
  });
  const seed = flags.seed === undefined ? randomSeed() : Number(flags.seed);
  const moments = Number(flags.moments);
  const durability = DURABILITIES.find((mode) => mode === flags.durability);
  if (!Number.isInteger(seed) || seed < 0) throw new RangeError("--seed must be a whole number");
  if (!(Number.isInteger(moments) && moments > 0)) {
    throw new RangeError("--moments must be a whole number above 0");
  }
  if (durability === undefined) {
    throw new RangeError(`--durability must be one of ${DURABILITIES.join(", ")}`);
  }
  return { moments, durability, seed, recording: flags.recording as string | undefined };
}

async function run(options: Options & { folder: string; signal: AbortSignal }): Promise<number> {
  const { moments, durability, seed, folder, signal } = options;
  console.log(`seed ${seed}`);
  const random = new Random(seed);
  const began = performance.now();
  const reports: Report[] = [];
  for (const part of partsOf(moments)) {
    const progress = (line: string) => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`[${seconds.padStart(6)} s] ${part.name}: ${line}`);
    };
    const place = `${folder}/${part.name}`;
    const [load, cut] = [random.fork(), random.fork()];
    if (options.recording === undefined) {
      await Deno.mkdir(place);
      await record(place, { durability, random: load, messages: part.messages, progress, signal });
    }
    const recording = await readRecording(place);
    progress(`the power fails at ${part.moments} moments among ${recording.events.length} events`);
    reports.push(await cutPower(recording, { moments: part.moments, random: cut, progress, signal }));
  }
  console.log(`\n${table(reports)}\n`);
  const failed = verdict(reports);
  console.log(failed === "" ? "nothing was lost" : failed);
  return failed === "" ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readArgs(args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    return 2;
  }
  const stop = new AbortController();
  const interrupted = () => stop.abort(new Interrupted(`interrupted; seed ${options.seed}`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupted);
  const folder = options.recording ?? await Deno.makeTempDir({ prefix: "chat-power-" });
  let keep = options.recording !== undefined;
  try {
    const code = await run({ ...options, folder, signal: stop.signal });
    // What the moments find can be found again only in the same recording: two runs of a server are never the same.
    if (code === 1 && options.durability === "full" && !keep) {
      keep = true;
      console.log(
        `\nfailed; the same again: deno task power --recording ${folder} --seed ${options.seed}` +
          ` --moments ${options.moments}`,
      );
    }
    return code;
  } catch (error) {
    if (error instanceof Interrupted) {
      console.error(error.message);
      return 130;
    }
    if (!(error instanceof StraceMissing || error instanceof NotUnderstood)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    if (!keep) await Deno.remove(folder, { recursive: true });
  }
}

class Interrupted extends Error {}

if (import.meta.main) Deno.exit(await main(Deno.args));
