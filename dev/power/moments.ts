import type { Random } from "../faults/random.ts";
import { type Begun, Disk, type Luck, type Operation, type Remains } from "./disk.ts";
import type { Acknowledged, Event } from "./events.ts";

/** The share of moments before the first message: while the database is made. */
const EARLY = 0.1;
/** The share of moments while something else than the write-ahead log is written: at checkpoints, for the most part. */
const CHECKPOINT = 0.3;

/** A power failure. */
export interface Failure {
  /** So many events had happened. */
  readonly at: number;
  readonly remains: Remains;
  /** What had been acknowledged by then. */
  readonly acknowledged: readonly Acknowledged[];
}

export interface MomentOptions {
  readonly moments: number;
  /** The share of the events before which the power does not fail, from 0 to 1; 0 if left out. */
  readonly from?: number;
  readonly random: Random;
  /** Whether nothing is ever certain, as if no fsync had been called: to show what an fsync is worth. */
  readonly ignoreSyncs?: boolean;
}

/** Power failures at random moments of a recording, in the order of time. */
export function* failures(events: readonly Event[], options: MomentOptions): Generator<Failure> {
  const { random, ignoreSyncs = false } = options;
  const moments = choose(events, options).sort((a, b) => a - b);
  const disk = new Disk();
  const begun = new Map<Operation, Begun>();
  const acknowledged: Acknowledged[] = [];
  let done = 0;
  for (const at of moments) {
    for (; done < at; done++) {
      const event = events[done]!;
      if (event.kind === "acknowledged") {
        acknowledged.push(event.message);
      } else if (event.kind === "begin") {
        if (ignoreSyncs && event.operation.kind === "sync") continue;
        begun.set(event.operation, disk.begin(event.operation));
      } else {
        begun.get(event.operation)?.end();
        begun.delete(event.operation);
      }
    }
    yield { at, remains: disk.cut(luck(random)), acknowledged: [...acknowledged] };
  }
}

/** Numbers of events after which the power fails. */
function choose(events: readonly Event[], { moments, from = 0, random }: MomentOptions): number[] {
  const acknowledged = Math.max(0, events.findIndex(({ kind }) => kind === "acknowledged"));
  const first = Math.max(acknowledged, Math.floor(from * events.length));
  const others = events.flatMap((event, i) =>
    i > first && event.kind !== "acknowledged" && !event.operation.path.endsWith("-wal") ? [i + 1] : []
  );
  return Array.from({ length: moments }, () => {
    const share = random.next();
    if (share < EARLY && from === 0) return random.between(0, first);
    if (share < EARLY + CHECKPOINT && others.length > 0) return random.pick(others);
    return random.between(first + 1, events.length);
  });
}

/** From "nothing that was not synced is there" to "all of it is". */
function luck(random: Random): Luck {
  const kept = random.pick([0, random.next(), random.next(), 0.99, 1]);
  return { kept, torn: kept === 1 ? 0 : 0.3, random };
}
