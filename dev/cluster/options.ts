import { parseArgs } from "@std/cli/parse-args";

/** What the command line asks for. Node i listens on `firstPort + 2 * i`. */
export interface Options {
  readonly nodes: number;
  /** Where nginx listens. */
  readonly port: number;
  readonly nodePorts: readonly number[];
  /** A folder that keeps the database, as typed; undefined to throw it away. */
  readonly keep: string | undefined;
}

export const HELP =
  `A whole cluster to try things with, on loopback, in a temporary folder: MariaDB, Redis, chat nodes and nginx.
Ctrl-C takes it down; a second one does not wait.

usage: deno task cluster [--nodes N] [--keep DIR] [--port PORT] [--first-port PORT]

  --nodes N          chat nodes, 1 to 16 (2)
  --keep DIR         keep the database in DIR, and go on with it if it is there
  --port PORT        where nginx listens (8888)
  --first-port PORT  where the first node listens, the next ones each two further (6000)
  --help, -h         print this and exit

The nodes run from source. Settings in the environment reach them, as in CHAT_LOG_LEVEL=debug deno task cluster.
`;

const NAMES = ["nodes", "keep", "port", "first-port"];
const MOST_NODES = 16;
const LAST_PORT = 65535;

/** The command line as options, `"help"`, or a sentence about what is wrong with it. */
export function readOptions(args: readonly string[]): Options | "help" | { readonly wrong: string } {
  let unknown: string | undefined;
  const parsed: Record<string, unknown> = parseArgs([...args], {
    string: NAMES,
    boolean: ["help"],
    alias: { h: "help" },
    unknown: (arg: string) => {
      unknown ??= arg;
      return false;
    },
  });
  if (parsed.help === true) return "help";
  if (unknown !== undefined) return { wrong: `unknown argument ${unknown}` };
  const empty = NAMES.find((name) => parsed[name] === "");
  if (empty !== undefined) return { wrong: `--${empty} needs a value` };

  const whole = (name: string, fallback: number) =>
    typeof parsed[name] !== "string" ? fallback : /^\d{1,5}$/.test(parsed[name]) ? Number(parsed[name]) : NaN;
  const [nodes, port, firstPort] = [whole("nodes", 2), whole("port", 8888), whole("first-port", 6000)];
  if (!(nodes >= 1 && nodes <= MOST_NODES)) {
    return { wrong: `--nodes must be a number from 1 to ${MOST_NODES}` };
  }
  if (!(port >= 1 && port <= LAST_PORT)) return { wrong: `--port must be a number from 1 to ${LAST_PORT}` };
  const highest = LAST_PORT - 2 * (nodes - 1);
  if (!(firstPort >= 1 && firstPort <= highest)) {
    return { wrong: `--first-port must be a number from 1 to ${highest} for ${nodes} nodes` };
  }
  const nodePorts = Array.from({ length: nodes }, (_, i) => firstPort + 2 * i);
  if (nodePorts.includes(port)) return { wrong: `port ${port} cannot be both nginx's and a node's` };
  return { nodes, port, nodePorts, keep: typeof parsed.keep === "string" ? parsed.keep : undefined };
}
