// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Cuts the power of a server at random moments, and looks whether what is left on the disk holds every message that
 * was acknowledged: `deno task power [--moments N] [--durability MODE] [--seed N] [--recording FOLDER]`. Exits with 1 if
 * a message is lost. See `dev/power/README.md`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { randomSeed } from "./faults/random.ts";
import { DURABILITIES, type Durability, RecordingMissing } from "./power/recording.ts";
import { commandOf, runPower } from "./power/run.ts";
import { NotUnderstood, StraceMissing } from "./power/strace.ts";
import { table, verdict } from "./power/table.ts";

const USAGE =
  "usage: deno task power [--moments N] [--durability full|normal] [--seed N] [--recording FOLDER]";

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

async function run(
  options: Options,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<number> {
  console.log(`seed ${options.seed}`);
  const recorded = options.recording !== undefined;
  const runOptions = { ...options, folder, recorded, signal, progress: console.log };
  const reports = await runPower(runOptions);
  console.log(`\n${table(reports)}\n`);
  const failed = verdict(reports);
  console.log(failed === "" ? "nothing was lost" : failed);
  if (failed === "") return 0;
  // With the other durability it has to fail.
  if (options.durability === "full") console.log(`\nfailed; the same again: ${commandOf(runOptions)}`);
  return 1;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(`${USAGE}\n\ndev/power/README.md says what it does.`);
    return 0;
  }
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
    const code = await run(options, { folder, signal: stop.signal });
    keep ||= code !== 0 && options.durability === "full";
    return code;
  } catch (error) {
    const isSentence = error instanceof StraceMissing || error instanceof NotUnderstood ||
      error instanceof RecordingMissing;
    if (!isSentence && !(error instanceof Interrupted)) throw error;
    keep ||= error instanceof NotUnderstood;
    console.error(
      error instanceof NotUnderstood ? `${error.message}; the recording is in ${folder}` : error.message,
    );
    return error instanceof Interrupted ? 130 : 1;
  } finally {
    if (!keep) await Deno.remove(folder, { recursive: true });
  }
}

class Interrupted extends Error {}

if (import.meta.main) Deno.exit(await main(Deno.args));
