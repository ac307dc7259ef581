import type { Figures } from "./load/gauge.ts";
import { type Load, pause } from "./load.ts";
import type { Statements, Target } from "./target.ts";
import { cpuSeconds } from "./usage.ts";

/** One repetition: what the load saw, how busy the processes were, in processors, and what one message cost. */
export interface Run extends Figures {
  /** The nodes of the server together. */
  readonly serverBusy: number;
  /** MariaDB and Redis, where there are any. */
  readonly mariadbBusy?: number;
  readonly redisBusy?: number;
  /** Processor time of the nodes together, and of MariaDB, for one of what the load counts; µs. */
  readonly serverMicros: number;
  readonly mariadbMicros?: number;
  /** Statements that MariaDB answered for one of what the load counts, and how many of them were INSERT. */
  readonly statements?: number;
  readonly inserts?: number;
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
    const asked = await askedOf(target);
    await load.mark();
    const before = usedBy(target);
    const began = performance.now();
    await pause(measureMs, signal);
    const after = usedBy(target);
    const seconds = (performance.now() - began) / 1000;
    const figures = await load.mark();
    if (1000 * seconds > measureMs + HELD_UP) continue;
    const share = (name: "server" | "mariadb" | "redis") => (after[name] - before[name]) / seconds;
    const micros = (name: "server" | "mariadb") => 1e6 * share(name) / figures.perSecond;
    return {
      ...figures,
      serverBusy: share("server"),
      serverMicros: micros("server"),
      ...target.pids.mariadb && { mariadbBusy: share("mariadb"), mariadbMicros: micros("mariadb") },
      ...target.pids.redis && { redisBusy: share("redis") },
      ...asked && perMessage(asked, { until: await askedOf(target), perSecond: figures.perSecond }),
    };
  }
}

/** What a database had answered at a moment, ms. */
interface Asked extends Statements {
  readonly at: number;
}

async function askedOf({ statements }: Target): Promise<Asked | undefined> {
  return statements && { ...await statements(), at: performance.now() };
}

/** By the time between the two answers, which is a little longer than what the load measures. */
function perMessage(
  from: Asked,
  { until, perSecond }: { until: Asked | undefined; perSecond: number },
): Pick<Run, "statements" | "inserts"> {
  if (!until) return {};
  const messages = perSecond * (until.at - from.at) / 1000;
  return {
    statements: (until.all - from.all) / messages,
    inserts: (until.inserts - from.inserts) / messages,
  };
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
