import { Random } from "../faults/random.ts";

/** What goes wrong, or what somebody does. Times in ms from the begin. */
export type Fault =
  | { readonly kind: "crash"; readonly node: number; readonly silent: boolean; readonly for: number }
  | { readonly kind: "restart"; readonly node: number; readonly for: number }
  | { readonly kind: "freeze"; readonly node: number; readonly for: number }
  | { readonly kind: "clock"; readonly node: number; readonly by: number }
  | { readonly kind: "store away"; readonly for: number }
  | { readonly kind: "store flaky"; readonly for: number; readonly before: number; readonly after: number }
  | { readonly kind: "store slow"; readonly for: number; readonly slow: number }
  | { readonly kind: "failover"; readonly lost: number; readonly for: number }
  | { readonly kind: "bus away"; readonly node: number; readonly for: number }
  | { readonly kind: "bus split"; readonly node: number; readonly for: number }
  | {
    readonly kind: "bus flaky";
    readonly for: number;
    readonly lost: number;
    readonly twice: number;
    readonly late: number;
  }
  | { readonly kind: "cut"; readonly program: number; readonly silent: boolean }
  | { readonly kind: "stall"; readonly program: number; readonly for: number }
  | { readonly kind: "relogin"; readonly program: number; readonly for: number }
  | { readonly kind: "reprogram"; readonly program: number };

export interface Planned {
  readonly at: number;
  readonly fault: Fault;
}

/** One simulation: all of it follows from these and the seed. */
export interface Schedule {
  readonly seed: number;
  readonly nodes: number;
  readonly users: number;
  /** Users who have a second program, which takes over from the first one. */
  readonly doubles: number;
  /** Programs on devices with names, beside the nameless one: two of the last user, two of the one before, and so on. */
  readonly devices?: number;
  readonly groups: number;
  /** How long people write and things go wrong, in ms. */
  readonly span: number;
  /** The longest pause between two things that somebody does, in ms. */
  readonly pace: number;
  readonly faults: readonly Planned[];
}

/** How long it is quiet before the first fault, in ms. */
const CALM = 2000;

/** Mostly people do something all the time; where they seldom do, no later message shows that one was missed. */
const PACE = { busy: 2500, quiet: 20_000 } as const;

/** The schedule of a seed. */
export function scheduleOf(seed: number, { seconds = 60 }: { seconds?: number } = {}): Schedule {
  const random = new Random(seed);
  const nodes = random.between(2, 4);
  const users = random.between(2, 6);
  const doubles = random.between(0, 1);
  const groups = random.between(0, 2);
  const devices = random.chance(0.6) ? random.between(1, 3) : 0;
  const span = seconds * 1000;
  const count = random.between(0, Math.ceil(seconds / 4));
  // Most schedules have few kinds of faults, so that these meet each other often.
  const kinds = random.shuffled(KINDS).slice(0, random.between(1, random.chance(0.2) ? KINDS.length : 4));
  const faults = Array.from({ length: count }, () => ({
    at: random.between(CALM, span),
    fault: random.pick(kinds)(random, { nodes, programs: users + doubles + devices }),
  })).sort((a, b) => a.at - b.at);
  const pace = random.chance(0.25) ? PACE.quiet : PACE.busy;
  return { seed, nodes, users, doubles, devices, groups, span, pace, faults };
}

type Make = (random: Random, sizes: { nodes: number; programs: number }) => Fault;

/** A while, in ms: mostly short, sometimes longer than anybody waits. */
const aWhile = (random: Random) => Math.round(50 + 15_000 * random.next() ** 3);
const nodeOf = (random: Random, nodes: number) => random.between(0, nodes - 1);

const KINDS: readonly Make[] = [
  (random, { nodes }) => ({
    kind: "crash",
    node: nodeOf(random, nodes),
    silent: random.chance(0.3),
    for: aWhile(random),
  }),
  (random, { nodes }) => ({ kind: "restart", node: nodeOf(random, nodes), for: aWhile(random) }),
  (random, { nodes }) => ({ kind: "freeze", node: nodeOf(random, nodes), for: aWhile(random) }),
  (random, { nodes }) => ({
    kind: "clock",
    node: nodeOf(random, nodes),
    by: random.between(-300_000, 300_000),
  }),
  (random) => ({ kind: "store away", for: aWhile(random) }),
  (random) => ({
    kind: "store flaky",
    for: aWhile(random),
    before: 0.3 * random.next(),
    after: 0.3 * random.next(),
  }),
  (random) => ({ kind: "store slow", for: aWhile(random), slow: random.next() }),
  (random) => ({ kind: "failover", lost: random.between(0, 40), for: random.between(0, 1000) }),
  (random, { nodes }) => ({ kind: "bus away", node: nodeOf(random, nodes), for: aWhile(random) }),
  (random, { nodes }) => ({ kind: "bus split", node: nodeOf(random, nodes), for: aWhile(random) }),
  (random) => ({
    kind: "bus flaky",
    for: aWhile(random),
    lost: random.chance(0.3) ? 1 : random.next(),
    twice: 0.5 * random.next(),
    late: 0.5 * random.next(),
  }),
  (random, { programs }) => ({
    kind: "cut",
    program: random.between(0, programs - 1),
    silent: random.chance(0.3),
  }),
  (random, { programs }) => ({
    kind: "stall",
    program: random.between(0, programs - 1),
    for: aWhile(random),
  }),
  (random, { programs }) => ({
    kind: "relogin",
    program: random.between(0, programs - 1),
    for: aWhile(random),
  }),
  (random, { programs }) => ({ kind: "reprogram", program: random.between(0, programs - 1) }),
];
