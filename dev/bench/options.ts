import { parseArgs } from "@std/cli/parse-args";

export interface Options {
  readonly quick: boolean;
  /** Repetitions, of which the medians are printed. */
  readonly repeat: number;
  /** How long each of them measures. */
  readonly seconds: number;
  /** No MariaDB and Redis. */
  readonly embedded: boolean;
  /** Scenarios by name; all that need not be asked for if empty. */
  readonly only: readonly string[];
  readonly json: string | undefined;
  /** Prints the tables of `README.md` here instead of the usual one. */
  readonly markdown: boolean;
  /** How long the soak takes; 0 for none. */
  readonly soakMinutes: number;
  readonly large: boolean;
}

/** How much of everything a run has. */
export interface Sizes {
  readonly warmUpMs: number;
  /** Users who reconnect, and connections that are idle. */
  readonly crowd: number;
  /** How long memory is left to settle before it is read. */
  readonly settleMs: number;
  /** Messages in the conversation whose pages are read. */
  readonly historyMessages: number;
  /** Messages in the log that an empty one is compared with. */
  readonly logMessages: number;
  readonly conversations: number;
  /** Long messages that wait for somebody who comes back. */
  readonly backlog: number;
}

export function sizesOf({ quick, large }: Options): Sizes {
  const logMessages = large ? 10_000_000 : quick ? 100_000 : 1_000_000;
  return quick
    ? {
      warmUpMs: 200,
      crowd: 1000,
      settleMs: 500,
      historyMessages: 10_000,
      logMessages,
      conversations: 10_000,
      backlog: 100,
    }
    : {
      warmUpMs: 1000,
      crowd: 10_000,
      settleMs: 5000,
      historyMessages: 100_000,
      logMessages,
      conversations: 100_000,
      backlog: 300,
    };
}

/** @throws {RangeError} whose message is for the person who typed. */
export function readOptions(args: readonly string[], scenarios: readonly string[]): Options | "help" {
  const flags: Record<string, unknown> = parseArgs([...args], {
    boolean: ["quick", "help", "embedded", "large", "markdown"],
    string: ["repeat", "seconds", "json", "only", "soak"],
    unknown: (arg: string) => {
      throw new RangeError(`unknown argument ${arg}`);
    },
  });
  if (flags.help === true) return "help";
  const quick = flags.quick === true;
  const only = typeof flags.only === "string" ? flags.only.split(",") : [];
  const unknown = only.find((name) => !scenarios.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`--only: there is no scenario ${unknown}; there are ${scenarios.join(", ")}`);
  }
  const positive = (name: string, otherwise: number) => {
    const value = Number(flags[name] ?? otherwise);
    if (!(value > 0)) throw new RangeError(`--${name} must be a number above 0`);
    return value;
  };
  return {
    quick,
    repeat: Math.ceil(positive("repeat", quick ? 1 : 5)),
    seconds: positive("seconds", quick ? 0.5 : 4),
    embedded: flags.embedded === true,
    only,
    markdown: flags.markdown === true,
    json: typeof flags.json === "string" ? flags.json : undefined,
    soakMinutes: flags.soak !== undefined || only.includes("soak") ? positive("soak", 10) : 0,
    large: flags.large === true,
  };
}
