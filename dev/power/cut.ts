import type { Expected, Verdict } from "./check.ts";
import { checkServer } from "./check_server.ts";
import { checkStore } from "./check_store.ts";
import type { Remains } from "./disk.ts";
import { type Failure, failures, type MomentOptions } from "./moments.ts";
import { DATABASE, type Durability, type Recording } from "./recording.ts";

/** One moment in so many is also opened by a server process; the others only by the code that opens its store. */
const BY_SERVER = 10;
/** So many moments are examined at once: while one waits for the disk, another one is read. */
const AT_ONCE = 3;
/** How often a run that takes long says how far it is, in ms. */
const TELL_EVERY = 2000;

/** Something that was wrong after a power failure. */
export interface Violation {
  /** The how manieth moment, and how many events had happened. */
  readonly moment: number;
  readonly at: number;
  readonly what: string;
}

export interface Report {
  /** Its name. */
  readonly recording: string;
  readonly durability: Durability;
  readonly moments: number;
  /** At how many moments a server process opened the files. */
  readonly byServer: number;
  /** In the whole recording. */
  readonly acknowledged: number;
  /** Acknowledged messages that were looked for, over all moments, and those of them that were not there. */
  readonly expected: number;
  readonly lost: number;
  /** Moments after which messages were lost. */
  readonly losing: number;
  /** Files that held a part of a write, over all moments. */
  readonly tornFiles: number;
  readonly unsyncedChanges: number;
  readonly lostChanges: number;
  readonly violations: readonly Violation[];
}

export interface CutOptions extends MomentOptions {
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Cuts the power at random moments of a recording, and opens what is left. */
export async function cutPower(recording: Recording, options: CutOptions): Promise<Report> {
  const { moments, progress, signal } = options;
  const { name, events, people, durability } = recording;
  const counts = { byServer: 0, expected: 0, lost: 0, losing: 0 };
  const changes = { tornFiles: 0, unsyncedChanges: 0, lostChanges: 0 };
  const violations: Violation[] = [];
  const running = new Set<Promise<void>>();
  let [begun, done, told] = [0, 0, performance.now()];

  const examine = async (failure: Failure, moment: number) => {
    const { at, remains, acknowledged } = failure;
    const verdicts = await open(failure, { people, byServer: moment % BY_SERVER === 0 });
    const lost = Math.max(...verdicts.map((verdict) => verdict.lost));
    done++;
    counts.byServer += verdicts.length - 1;
    counts.expected += acknowledged.length;
    counts.lost += lost;
    if (lost > 0) counts.losing++;
    changes.tornFiles += remains.tornFiles;
    changes.unsyncedChanges += remains.unsynced;
    changes.lostChanges += remains.lost;
    for (const what of verdicts.flatMap(({ flaws }) => flaws)) violations.push({ moment, at, what });
    if (performance.now() - told < TELL_EVERY) return;
    progress(`moment ${done} of ${moments}, ${counts.lost} messages lost`);
    told = performance.now();
  };

  try {
    for (const failure of failures(events, options)) {
      signal?.throwIfAborted();
      // One that fails stays, so that whoever waits next is told.
      const work: Promise<void> = examine(failure, ++begun).then(() => void running.delete(work));
      running.add(work);
      if (running.size === AT_ONCE) await Promise.race(running);
    }
    await Promise.all(running);
  } finally {
    // What goes on after an error still has its files.
    await Promise.allSettled(running);
  }
  violations.sort((a, b) => a.moment - b.moment);
  const acknowledged = events.filter(({ kind }) => kind === "acknowledged").length;
  return { recording: name, durability, moments, acknowledged, ...counts, ...changes, violations };
}

async function open(
  { remains, acknowledged }: Failure,
  { people, byServer }: Pick<Expected, "people"> & { byServer: boolean },
): Promise<Verdict[]> {
  const checks = byServer ? [checkServer, checkStore] : [checkStore];
  const verdicts: Verdict[] = [];
  for (const check of checks) {
    const folder = await Deno.makeTempDir({ prefix: "chat-power-" });
    try {
      await write(folder, remains);
      verdicts.push(await check(`${folder}/${DATABASE}`, { acknowledged, people }));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
  return verdicts;
}

async function write(folder: string, { files }: Remains): Promise<void> {
  for (const [path, bytes] of files) {
    await Deno.writeFile(`${folder}/${path.slice(path.lastIndexOf("/") + 1)}`, bytes);
  }
}
