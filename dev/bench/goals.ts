import type { Result } from "./result.ts";

/** Finds a result by what was measured and on which target; undefined if it was not. */
export type Find = (what: string, on: string) => Result | undefined;

/** A figure to be reached. */
export interface Goal {
  readonly what: string;
  /** Before the work on it began. */
  readonly before: string;
  readonly target: string;
  /** What this run says; undefined if it did not measure that. */
  readonly figure: (find: Find) => string | undefined;
}

const RELAY = "bare relay";
const SQLITE = "SQLite";
const MARIADB = "MariaDB";
const TWO_NODES = "MariaDB + Redis, two nodes";
const BUSY = "1:1, 300 × 4";
/** Alone: otherwise messages of several pairs share a statement. */
const ONE_DIALOGUE = "dialogue, 1 pair";
const DIALOGUE = "dialogue, 100 pairs";

export const whole = (value: number) => Math.round(value).toLocaleString("en");
const micros = (value: number | undefined) => value === undefined ? "–" : value.toFixed(1);

/** "12,345 (0.25 R)" */
export const withRatio = ({ value, ratio = 0 }: Result) => `${whole(value)} (${ratio.toFixed(2)} R)`;

/** A node's processor time a message beside the relay's under the same load. */
function besideRelay(find: Find, on: string): string | undefined {
  const [ours, relays] = [find(BUSY, on)?.serverMicros, find(BUSY, RELAY)?.serverMicros];
  return ours && relays ? `${micros(ours)} µs (${(ours / relays).toFixed(1)} × R's)` : undefined;
}

function reconnected(find: Find, on: string): string | undefined {
  const all = find("10000 users reconnect", on);
  const meanwhile = find("20 pairs chat meanwhile", on);
  return all && meanwhile && `${all.value.toFixed(1)} s, ${whole(meanwhile.p99 ?? 0)} ms`;
}

const perSecond = (find: Find, { what, on }: { what: string; on: string }) => {
  const result = find(what, on);
  return result && whole(result.value);
};

export const GOALS: readonly Goal[] = [
  {
    what: "dialogue over two nodes: statements a message, 1 pair; database µs a message, 100 pairs",
    before: "5.0; 55–62",
    target: "≤ 1.3; ≤ 15",
    figure: (find) => {
      const [alone, many] = [find(ONE_DIALOGUE, TWO_NODES), find(DIALOGUE, TWO_NODES)];
      return alone && many && `${micros(alone.statements)}; ${micros(many.mariadbMicros)}`;
    },
  },
  {
    what: "dialogue over two nodes, messages/s",
    before: "5.5–7 k (0.10 R)",
    target: "≥ 0.25 R",
    figure: (find) => {
      const result = find(DIALOGUE, TWO_NODES);
      return result && withRatio(result);
    },
  },
  {
    what: "node µs a message, 300 × 4, SQLite",
    before: "44",
    target: "≤ 2 × R's",
    figure: (find) => besideRelay(find, SQLITE),
  },
  {
    what: "node µs a message, 300 × 4, MariaDB",
    before: "30–43",
    target: "≤ 1.6 × R's",
    figure: (find) => besideRelay(find, MARIADB),
  },
  {
    what: "300 × 4, MariaDB, messages/s",
    before: "20–31 k (0.25–0.3 R)",
    target: "≥ 0.45 R",
    figure: (find) => {
      const result = find(BUSY, MARIADB);
      return result && withRatio(result);
    },
  },
  ...[[MARIADB, "532"], [TWO_NODES, "435"]].map(([on, before]): Goal => ({
    what: `logins by token per second, ${on}`,
    before: before!,
    target: "≥ 4,000",
    figure: (find) => perSecond(find, { what: "login by token, 50 connections", on: on! }),
  })),
  ...[[SQLITE, "3.2 s, 1.6 s"], [TWO_NODES, "12.8 s, 0.8 s"]].map(([on, before]): Goal => ({
    what: `10,000 back at once, ${on}: all within; p99 of running conversations`,
    before: before!,
    target: "≤ 5 s; ≤ 200 ms",
    figure: (find) => reconnected(find, on!),
  })),
  ...[[SQLITE, "–"], [MARIADB, "16.7 s"]].map(([on, before]): Goal => ({
    what: `a friend's message while 300 × 60 KB are caught up, ${on}`,
    before: before!,
    target: "≤ 200 ms",
    figure: (find) => {
      const result = find("a friend's message meanwhile", on!);
      return result && `${whole(result.value)} ms`;
    },
  })),
];
