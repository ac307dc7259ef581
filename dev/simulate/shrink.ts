import { isFine, type Outcome, simulate } from "./run.ts";
import type { Schedule } from "./schedule.ts";

/** Runs that shrinking may take, at most. */
const MOST_RUNS = 120;

/** Makes a schedule that fails smaller, as long as it still fails: fewer faults, people, groups and nodes, less time. */
export async function shrink(failing: Outcome): Promise<Outcome> {
  let best = failing;
  let runs = 0;
  let isSmaller = true;
  while (isSmaller) {
    isSmaller = false;
    for (const smaller of smallerThan(best.schedule)) {
      if (runs++ >= MOST_RUNS) return best;
      const outcome = await simulate(smaller);
      if (isFine(outcome)) continue;
      best = outcome;
      isSmaller = true;
      break;
    }
  }
  return best;
}

function* smallerThan(schedule: Schedule): Generator<Schedule> {
  const { faults, users, doubles, devices = 0, groups, nodes, span } = schedule;
  const middle = faults.length >> 1;
  if (faults.length > 1) {
    yield { ...schedule, faults: faults.slice(0, middle) };
    yield { ...schedule, faults: faults.slice(middle) };
  }
  const last = Math.max(0, ...faults.map(({ at }) => at)) + 5000;
  if (last < span) yield { ...schedule, span: last };
  for (let i = 0; i < faults.length; i++) yield { ...schedule, faults: faults.toSpliced(i, 1) };
  if (devices > 0) yield without(schedule, { users, doubles, devices: devices - 1 });
  if (doubles > 0) yield without(schedule, { users, doubles: 0, devices });
  if (users > 2) yield without(schedule, { users: users - 1, doubles, devices });
  if (groups > 0) yield { ...schedule, groups: groups - 1 };
  if (nodes > 1) {
    const others = faults.filter(({ fault }) => !("node" in fault) || fault.node < nodes - 1);
    yield { ...schedule, nodes: nodes - 1, faults: others };
  }
}

/** The same with fewer programs, and without what would happen to those that are not there. */
function without(
  schedule: Schedule,
  { users, doubles, devices }: { users: number; doubles: number; devices: number },
): Schedule {
  const faults = schedule.faults.filter(({ fault }) =>
    !("program" in fault) || fault.program < users + doubles + devices
  );
  return { ...schedule, users, doubles, devices, faults };
}
