import type { Figures } from "./load/gauge.ts";
import { type Load, pause } from "./load.ts";
import type { Target } from "./target.ts";
import { cpuSeconds } from "./usage.ts";

/** One repetition: what the load saw, and how busy the processes were, in processors. */
export interface Run extends Figures {
  /** The nodes of the server together. */
  readonly serverBusy: number;
  /** MariaDB and Redis, where there are any. */
  readonly mariadbBusy?: number;
  readonly redisBusy?: number;
}

/** A pause that took so much longer, ms, was one of the whole machine, and says nothing about the server. */
const HELD_UP = 500;

/** Lets a load warm up, and then measures; again if everything was held up meanwhile. */
export async function measure(
  load: Load,
  { target, warmUpMs, measureMs, signal }: {
    target: Target;
    warmUpMs: number;
    measureMs: number;
    signal: AbortSignal;
  },
): Promise<Run> {
  while (true) {
    await pause(warmUpMs, signal);
    await load.mark();
    const before = usedBy(target);
    const began = performance.now();
    await pause(measureMs, signal);
    const after = usedBy(target);
    const seconds = (performance.now() - began) / 1000;
    const figures = await load.mark();
    if (1000 * seconds > measureMs + HELD_UP) continue;
    const share = (name: "server" | "mariadb" | "redis") => (after[name] - before[name]) / seconds;
    return {
      ...figures,
      serverBusy: share("server"),
      ...target.pids.mariadb && { mariadbBusy: share("mariadb") },
      ...target.pids.redis && { redisBusy: share("redis") },
    };
  }
}

function usedBy({ pids }: Target) {
  return {
    server: cpuSeconds(pids.server),
    mariadb: cpuSeconds(pids.mariadb ? [pids.mariadb] : []),
    redis: cpuSeconds(pids.redis ? [pids.redis] : []),
  };
}

/** Measures the targets in turn, again and again, so that what else happens on the machine meets all alike. */
export async function inTurn<On, Result>(
  targets: readonly On[],
  { repeat, once }: { repeat: number; once: (target: On) => Promise<Result> },
): Promise<{ target: On; runs: Result[] }[]> {
  const all = targets.map((target) => ({ target, runs: [] as Result[] }));
  for (let i = 0; i < repeat; i++) {
    for (const { target, runs } of all) runs.push(await once(target));
  }
  return all;
}
