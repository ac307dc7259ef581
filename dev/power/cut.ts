import type { Expected, Verdict } from "./check.ts";
import { checkServer } from "./check_server.ts";
import { checkStore } from "./check_store.ts";
import type { Remains } from "./disk.ts";
import { type Failure, failures, type MomentOptions } from "./moments.ts";
import { DATABASE, type Durability, type Recording } from "./recording.ts";

/** One moment in so many is also opened by a server process; the others only by the code that opens its store. */
const BY_SERVER = 10;
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
  const { events, people, durability } = recording;
  const counts = { byServer: 0, expected: 0, lost: 0, losing: 0 };
  const changes = { tornFiles: 0, unsyncedChanges: 0, lostChanges: 0 };
  const violations: Violation[] = [];
  let [moment, told] = [0, performance.now()];
  for (const failure of failures(events, options)) {
    signal?.throwIfAborted();
    const { at, remains, acknowledged } = failure;
    const verdicts = await open(failure, { people, byServer: moment % BY_SERVER === BY_SERVER - 1 });
    const lost = Math.max(...verdicts.map((verdict) => verdict.lost));
    moment++;
    counts.byServer += verdicts.length - 1;
    counts.expected += acknowledged.length;
    counts.lost += lost;
    if (lost > 0) counts.losing++;
    changes.tornFiles += remains.tornFiles;
    changes.unsyncedChanges += remains.unsynced;
    changes.lostChanges += remains.lost;
    for (const what of verdicts.flatMap(({ flaws }) => flaws)) violations.push({ moment, at, what });
    if (performance.now() - told > TELL_EVERY) {
      progress(`moment ${moment} of ${moments}, ${counts.lost} messages lost`);
      told = performance.now();
    }
  }
  const acknowledged = events.filter(({ kind }) => kind === "acknowledged").length;
  return { durability, moments, acknowledged, ...counts, ...changes, violations };
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
