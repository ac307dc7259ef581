import { parseArgs } from "@std/cli/parse-args";
import { z } from "zod";
import { StartupError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** One setting: `--flag`, environment variable `CHAT_FLAG`, default. */
interface Setting {
  readonly schema: z.ZodType;
  readonly default: string;
  readonly value: string;
  readonly help: string;
}

const whole = (min: number, max: number) =>
  z.string().regex(/^\d+$/, { error: "must be a whole number" }).transform(Number).pipe(
    z.number().min(min, { error: `must be at least ${min}` }).max(max, { error: `must be at most ${max}` }),
  );
const isUrl = (text: string, protocol: string) =>
  URL.parse(text)?.protocol === protocol && /^\w+:\/\/./.test(text);
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` });

const SETTINGS = {
  host: {
    schema: z.string().min(1, { error: "is empty" }),
    default: "127.0.0.1",
    value: "ADDRESS",
    help: "address to listen on; 0.0.0.0 for every one",
  },
  port: {
    schema: whole(0, 65535),
    default: "6000",
    value: "PORT",
    help: "port to listen on; 0 takes a free one",
  },
  db: {
    schema: z.string().refine((url) => /^sqlite:.+/.test(url) || isUrl(url, "mysql:"), {
      error: "must look like sqlite:FILE, sqlite::memory: or mysql://user:password@host:3306/name",
    }),
    default: "sqlite:chat.db",
    value: "URL",
    help:
      "where the data is kept: sqlite:FILE, sqlite::memory: to keep nothing, mysql://user:password@host:3306/name",
  },
  "db-pool": {
    schema: whole(2, 1000),
    default: "10",
    value: "N",
    help:
      "connections to MySQL for queries; beside these a node has one each for heartbeat, logins and messages, two for searches, and up to N/2 for messages that need several statements",
  },
  redis: {
    schema: z.string().refine((url) => url === "" || isUrl(url, "redis:") || isUrl(url, "rediss:"), {
      error: "must look like redis://host:6379",
    }),
    default: "",
    value: "URL",
    help:
      "the Redis that connects this node with others, redis://host:6379; without it they ask the database",
  },
  wait: {
    schema: whole(0, 3600),
    default: "10",
    value: "SECONDS",
    help: "how long to try to reach MySQL and Redis at start",
  },
  durability: {
    schema: oneOf(["full", "normal"]),
    default: "full",
    value: "MODE",
    help: "full: an acknowledged message survives a power failure; normal: it survives a crash of the server",
  },
  search: {
    schema: oneOf(["on", "off"]),
    default: "on",
    value: "MODE",
    help:
      "on: clients may search the texts that they may read; off: they may not, and no index is kept for it",
  },
  "log-level": {
    schema: oneOf(["debug", "info", "warn", "error", "off"]),
    default: "info",
    value: "LEVEL",
    help: "least important lines to log on stderr: debug, info, warn, error, off",
  },
  "max-frame": {
    schema: whole(2048, 16 * 1024 * 1024),
    default: "65536",
    value: "BYTES",
    help: "longest frame taken from a client",
  },
  "max-queue": {
    schema: whole(65536, 1024 * 1024 * 1024),
    default: "262144",
    value: "BYTES",
    help: "most that waits in memory for a client that reads slowly",
  },
  "max-connections": {
    schema: whole(1, 1_000_000),
    default: "50000",
    value: "N",
    help: "connections at once",
  },
  rate: {
    schema: whole(1, 1_000_000),
    default: "20000",
    value: "N",
    help: "frames per second taken from one connection",
  },
  "client-timeout": {
    schema: whole(1, 86_400),
    default: "90",
    value: "SECONDS",
    help: "seconds without a frame before a v2 client is disconnected; it is pinged after half of them",
  },
  "drain-seconds": {
    schema: whole(0, 3600),
    default: "5",
    value: "SECONDS",
    help: "seconds over which v2 clients are asked to come back when the server stops",
  },
  "password-cost": {
    schema: whole(10, 20),
    default: "15",
    value: "N",
    help: "log2 of scrypt's N for new password hashes; one more doubles time and memory",
  },
  "login-failures": {
    schema: whole(1, 1_000_000),
    default: "100",
    value: "N",
    help: "failed password logins of one account in 10 minutes before it has to wait",
  },
  "edit-hours": {
    schema: whole(0, 1_000_000),
    default: "24",
    value: "HOURS",
    help: "how long the author of a message may edit it",
  },
  "group-members": {
    schema: whole(1, 1_000_000),
    default: "10000",
    value: "N",
    help: "members that a group may have",
  },
  "user-groups": {
    schema: whole(1, 1_000_000),
    default: "1000",
    value: "N",
    help: "groups that a user may be in",
  },
  "user-friends": {
    schema: whole(1, 1_000_000),
    default: "5000",
    value: "N",
    help: "friends that a user may have",
  },
  "v1-ack-limit": {
    schema: whole(0, 16 * 1024 * 1024),
    default: "1048576",
    value: "BYTES",
    help: "missed messages that a v1 login answer carries; the rest follows as frames",
  },
  "v1-recv": {
    schema: whole(0, 16 * 1024 * 1024).refine((bytes) => bytes === 0 || bytes >= 512, {
      error: "must be 0 or at least 512",
    }),
    default: "1023",
    value: "BYTES",
    help: "longest frame sent to a v1 client, which may read 1,024 bytes at once; 0 for no bound",
  },
  "v1-pace": {
    schema: whole(0, 1000),
    default: "5",
    value: "MS",
    help: "pause between two frames to a v1 client, which takes what it reads at once for one frame",
  },
} satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;

/** Flags that take no value. */
const SWITCHES = ["help", "version", "print-config"];

/** The settings that a server runs with. */
export type Config = { readonly [K in Name]: z.output<(typeof SETTINGS)[K]["schema"]> };

/** What the command line asks for. */
export type Command =
  | { readonly run: "help"; readonly text: string }
  | { readonly run: "version" }
  | { readonly run: "print-config"; readonly text: string }
  | { readonly run: "serve"; readonly config: Config };

/** What the environment variables begin with. */
const PREFIX = "CHAT_";

/** The environment variable of a setting. */
export const variableOf = (name: string) => `${PREFIX}${name.toUpperCase().replaceAll("-", "_")}`;

/** The environment variables that are looked at. */
export const VARIABLES: readonly string[] = Object.keys(SETTINGS).map(variableOf);
/** Variables of `chat-server import`: whoever has set them need not unset them before the server starts. */
const OF_IMPORT = ["CHAT_FROM"];

/** A sentence about each of the environment's variables that begins like ours and is none. */
export function unknownVariables(names: Iterable<string>): string[] {
  const unknown = [...names].filter((name) =>
    name.startsWith(PREFIX) && ![...VARIABLES, ...OF_IMPORT].includes(name)
  ).sort();
  return unknown.map((name) => {
    const meant = nearest(name, VARIABLES);
    return `the environment variable ${name} is not known and ignored` +
      (meant === undefined ? "; --help names all flags" : `, did you mean ${meant}?`);
  });
}

/**
 * Reads the settings: flags before environment before defaults.
 * @param env The value of an environment variable, undefined if it is not set.
 * @throws {StartupError} naming the flag or variable that is wrong.
 */
export function readCommand(args: readonly string[], env: (name: string) => string | undefined): Command {
  const flags = parseFlags(args);
  if (flags.help) return { run: "help", text: help() };
  if (flags.version) return { run: "version" };
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const flag = flags.values.get(name);
    const variable = env(variableOf(name));
    const result = setting.schema.safeParse(flag ?? (variable || undefined) ?? setting.default);
    if (!result.success) {
      const source = flag === undefined ? variableOf(name) : `--${name}`;
      throw new StartupError(`${source} ${result.error.issues[0]!.message}; see --help`);
    }
    values[name] = result.data;
  }
  const config = values as Config;
  if (config.redis !== "" && config.db.startsWith("sqlite:")) {
    throw new StartupError(
      "--redis needs --db mysql://…: an SQLite file belongs to one node, so there is no other one to talk to",
    );
  }
  return flags.printConfig
    ? { run: "print-config", text: JSON.stringify(withoutPasswords(config), undefined, 2) + "\n" }
    : { run: "serve", config };
}

/** The settings as they may be shown: passwords in URLs become ***. */
export function withoutPasswords(config: Config): Config {
  const hide = (text: string) => {
    const url = URL.parse(text);
    if (!url?.password) return text;
    url.password = "***";
    return url.href;
  };
  return { ...config, db: hide(config.db), redis: hide(config.redis) };
}

function parseFlags(args: readonly string[]) {
  const unknown: string[] = [];
  const names = Object.keys(SETTINGS);
  const parsed: Record<string, unknown> = parseArgs([...args], {
    string: names,
    boolean: SWITCHES,
    alias: { h: "help" },
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) {
    const [given = ""] = unknown;
    const meant = given.startsWith("-")
      ? nearest(given.replace(/=.*/s, ""), [...names, ...SWITCHES].map((name) => `--${name}`))
      : undefined;
    throw new StartupError(
      `unknown argument ${given}${meant === undefined ? "" : `, did you mean ${meant}?`}; see --help`,
    );
  }
  const values = new Map<string, string>();
  for (const name of names) {
    const value = parsed[name];
    if (value === "" && name !== "redis") throw new StartupError(`--${name} needs a value; see --help`);
    if (typeof value === "string") values.set(name, value);
  }
  return {
    help: parsed.help === true,
    version: parsed.version === true,
    printConfig: parsed["print-config"] === true,
    values,
  };
}

function help(): string {
  const rows = Object.entries<Setting>(SETTINGS).map(([name, { value, help, default: fallback }]) => [
    `  --${name} ${value}`,
    `${help} (${fallback})`,
  ]);
  rows.push(
    ["  --print-config", "print the settings as JSON and exit"],
    ["  --version", "print the version and exit"],
    ["  --help, -h", "print this and exit"],
  );
  const width = Math.max(...rows.map(([flag]) => flag!.length)) + 2;
  return [
    "A chat server. Clients connect by TCP and speak JSON; ./chat-client is one.",
    "",
    "usage: chat-server [flags]",
    "       chat-server import --help   about taking over an older server's database",
    "",
    ...rows.map(([flag, text]) => flag!.padEnd(width) + text),
    "",
    `Each flag can also be set by environment, --max-frame as ${variableOf("max-frame")}; flags win.`,
    "",
  ].join("\n");
}
