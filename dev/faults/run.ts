import { audit } from "./audit.ts";
import { impossible, sequence } from "./catalogue.ts";
import { Evidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";
import { pause } from "./fault.ts";
import { NoPrevious, preparePrevious, type Previous } from "./previous.ts";
import { Random } from "./random.ts";
import { rebalance, recover } from "./recovery.ts";
import type { Row, Score, Violation } from "./score.ts";
import { startWorld, type World } from "./world.ts";

/** Runs of at least this length have faults of their full length, in ms. */
const LONG = 5 * 60_000;
/** How long nothing is wrong between two faults, in ms. */
const CALM = { least: 500, most: 2000 } as const;
/** How long users may stay cut off without a fault, in ms. */
const PATIENCE = 60_000;
/** What a run takes beside its faults: everybody writes for a moment before the first one. */
const WARM_UP = 1500;

export interface RunOptions {
  readonly seed: number;
  /** For how long faults begin, in ms; the last one is seen through, and then everything is counted. */
  readonly duration: number;
  /** At random from these. */
  readonly faults: readonly Fault[];
  /** The folder of the sources to run instead of the repository's. */
  readonly sources?: string;
  /** The version before this one, for `upgrade` and `downgrade`: a commit or an executable; the last tag if left out. */
  readonly previous?: string | undefined;
  /** Ends the run after the first fault after which something is wrong. */
  readonly stopAtFirst?: boolean;
  /** After so long without a fault whoever is still cut off is a violation, in ms; a minute if left out. */
  readonly patience?: number;
  /** A file for the clients' history; if left out, it stays only if something is wrong. */
  readonly history?: string | undefined;
  /** Nothing stays, whatever is wrong: the server is broken on purpose. */
  readonly throwaway?: boolean;
  readonly progress: (line: string) => void;
  /** Ends the run, and all that it started, at once: {@linkcode runFaults} rejects with its reason. */
  readonly signal?: AbortSignal;
}

export interface Report {
  readonly seed: number;
  readonly rows: readonly Row[];
  readonly total: Row;
  readonly violations: readonly Violation[];
  /** Of what the histories show to be wrong, the events that show it. */
  readonly excerpts: string;
  /** Messages that came again and were not shown again. */
  readonly repeats: number;
  /** Lines that the nodes logged about what nobody foresaw. */
  readonly defects: readonly string[];
}

/**
 * Breaks a cluster of its own under load, and counts.
 * @throws {NoPrevious} if the version before this one is not what `previous` says.
 */
export async function runFaults(options: RunOptions): Promise<Report> {
  const random = new Random(options.seed);
  const previous = await previousFor(options);
  await using _sources = typeof previous === "string" ? undefined : previous;
  await using evidence = await Evidence.gather(options.history);
  await using world = await startWorld({
    random: random.fork(),
    sources: options.sources,
    previous,
    file: evidence.history,
    long: options.duration >= LONG,
    withClock: options.faults.some(({ name }) => name === "clock-step"),
    mayGoBack: options.faults.some(({ name }) => name === "older-copy"),
    patience: options.patience ?? PATIENCE,
  });
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(options.signal?.reason);
  options.signal?.addEventListener("abort", stop);
  const work = breakAndCount(world, { ...options, random, evidence });
  // After a stop it fails at whatever has gone from under it.
  work.catch(() => "told by the race");
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    options.signal?.removeEventListener("abort", stop);
  }
}

/** The version before this one, if a fault needs it, or why there is none. */
async function previousFor({ previous, faults }: RunOptions): Promise<Previous | string> {
  if (!faults.some(({ name }) => name === "upgrade" || name === "downgrade")) return "no fault needs it";
  try {
    return await preparePrevious(previous);
  } catch (error) {
    if (previous !== undefined || !(error instanceof NoPrevious)) throw error;
    return error.message;
  }
}

async function breakAndCount(
  world: World,
  options: RunOptions & { random: Random; evidence: Evidence },
): Promise<Report> {
  const { seed, duration, random } = options;
  const { score, now } = world;
  const began = now();
  const say = (line: string) =>
    options.progress(`[${((now() - began) / 1000).toFixed(1).padStart(7)} s] ${line}`);
  world.crowd.talk();
  await pause(WARM_UP);
  const order = random.fork();
  const faults = options.faults.filter((fault) => {
    const why = impossible(fault, world);
    if (why !== undefined) say(`${fault.name}: left out, ${why}`);
    return why === undefined;
  });
  const { previous } = world.releases;
  if (previous) say(`both nodes are ${previous.name} until they are upgraded`);
  for (const next of sequence(faults, random.fork())) {
    await episode(world, { faults: next, random: order.fork(), say });
    if (now() - began > duration || flawed(score, options)) break;
    await pause(order.between(CALM.least, CALM.most));
  }
  say("everything works again: nobody writes any more, and what arrived is counted");
  const { text } = await audit(world, say);
  if (score.count > 0 && options.throwaway !== true) {
    const folder = await options.evidence.keep(world.nodes);
    const what = options.history === undefined
      ? "the clients' history and the nodes' logs"
      : "the nodes' logs";
    say(`${score.count} violations; ${what} are in ${folder}`);
  }
  if (options.history !== undefined) say(`the clients' history is in ${options.history}`);
  return {
    ...{ seed, rows: score.rows, total: score.total, violations: score.violations, repeats: score.repeats },
    excerpts: text,
    defects: (await Promise.all(world.nodes.map((node) => node.defects()))).flat(),
  };
}

/** One fault, or two at once, and the recovery from it. */
async function episode(
  world: World,
  { faults, random, say }: { faults: readonly Fault[]; random: Random; say: (line: string) => void },
): Promise<void> {
  const { score, now } = world;
  const names = faults.map(({ name }) => name);
  const what = names.join(" and ");
  const before = { acknowledged: score.total.acknowledged, violations: score.count };
  say(`${what}: begins`);
  world.journal.note(`${what}: begins`);
  score.begin(names);
  const began = now();
  const sources = faults.map(() => random.fork());
  await Promise.all(faults.map((fault, i) => fault.inject(world, sources[i]!)));
  const lifted = now();
  world.journal.note(`${what}: over`);
  const recovery = await recover(world, random);
  score.end(recovery);
  const flaws = score.count - before.violations;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  say(
    `${what}: over after ${seconds(lifted - began)}, recovered ${seconds(recovery)} later, ` +
      `${score.total.acknowledged - before.acknowledged} acknowledged meanwhile` +
      (flaws > 0 ? `, ${flaws} VIOLATIONS` : ""),
  );
  await rebalance(world, random);
}

function flawed({ violations }: Score, { stopAtFirst }: RunOptions): boolean {
  return violations.some(({ flaw }) => flaw === "not recovered") ||
    (stopAtFirst === true && violations.length > 0);
}
