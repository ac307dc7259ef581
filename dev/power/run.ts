import { Random } from "../faults/random.ts";
import { cutPower, type Report } from "./cut.ts";
import { type Durability, readRecording, record } from "./recording.ts";

export interface RunOptions {
  readonly seed: number;
  readonly moments: number;
  readonly durability: Durability;
  /** Where recordings are put, or were put by an earlier run. */
  readonly folder: string;
  /** Whether the recordings are there already. */
  readonly recorded?: boolean;
  readonly progress: (line: string) => void;
  /** Ends the run, and all that it started: {@linkcode runPower} rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** One recording, and how many of the moments are in it. */
interface Part {
  readonly name: string;
  readonly messages: number;
  readonly moments: number;
  /** See {@linkcode cutPower}. */
  readonly from: number;
}

/** The recording that every run has. */
export const SHORT = "short";

/**
 * Runs of at least 100 moments have a second recording, of whose moments each costs more. In its last quarter the log
 * of SQLite reaches 8,000 pages, is brought into the database under load, and is overwritten from its beginning.
 */
function partsOf(moments: number): Part[] {
  const long = moments >= 100 ? Math.floor(moments / 8) : 0;
  const short = { name: SHORT, messages: 800, moments: moments - long, from: 0 };
  return long === 0 ? [short] : [short, { name: "long", messages: 8500, moments: long, from: 0.75 }];
}

/** Records servers under load, and cuts their power. One report a recording. @throws {StraceMissing} */
export async function runPower(options: RunOptions): Promise<Report[]> {
  const { seed, moments, durability, folder, recorded = false, signal } = options;
  const random = new Random(seed);
  const began = performance.now();
  const reports: Report[] = [];
  for (const part of partsOf(moments)) {
    const progress = (line: string) => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      options.progress(`[${seconds.padStart(6)} s] ${part.name}: ${line}`);
    };
    const place = `${folder}/${part.name}`;
    const [load, cut] = [random.fork(), random.fork()];
    const common = { progress, ...(signal === undefined ? {} : { signal }) };
    if (!recorded) {
      await Deno.mkdir(place);
      await record(place, { durability, random: load, messages: part.messages, ...common });
    }
    const recording = await readRecording(place);
    progress(`the power fails at ${part.moments} moments among ${recording.events.length} events`);
    const { moments, from } = part;
    reports.push(await cutPower(recording, { moments, from, random: cut, ...common }));
  }
  return reports;
}

/** What repeats a run: two runs of a server are never the same, so the seed alone does not. */
export function commandOf({ seed, moments, folder }: RunOptions): string {
  return `deno task power --recording ${folder} --seed ${seed} --moments ${moments}`;
}
