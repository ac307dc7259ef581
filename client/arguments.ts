import { parseArgs } from "@std/cli/parse-args";

/** Where nginx listens in a cluster, and a server by itself. */
const PORTS = [8888, 6000];

/** Where a server may be. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What the command line asks for: to talk to the first server among `places`, or for one text. */
export type Arguments =
  | {
    readonly do: "chat";
    readonly places: readonly Place[];
    readonly suspend: boolean;
    /** The name of this device; undefined for the nameless one. */
    readonly device?: string;
  }
  | { readonly do: "help" }
  | { readonly do: "version" };

/** What the untyped library returns, as far as it is used here. */
interface Parsed {
  readonly _: (string | number)[];
  readonly help: boolean;
  readonly version: boolean;
  readonly device: string | undefined;
  readonly "no-suspend": boolean;
}

/** The command line, or a sentence about what is wrong with it. */
export function readArguments(args: string[]): Arguments | { wrong: string } {
  let unknown: string | undefined;
  const parsed: Parsed = parseArgs(args, {
    boolean: ["help", "version", "no-suspend"],
    alias: { help: "h" },
    string: ["_", "device"],
    unknown: (name: string) => {
      if (name.startsWith("-")) unknown ??= name;
    },
  });
  if (parsed.help) return { do: "help" };
  if (parsed.version) return { do: "version" };
  if (unknown !== undefined) return { wrong: `unknown option ${unknown}` };
  const { device } = parsed;
  if (device !== undefined && !/^[0-9A-Za-z_-]{1,40}$/.test(device)) {
    return { wrong: "the name of a device has 1 to 40 of 0-9 A-Z a-z _ and -" };
  }
  const [where = "127.0.0.1", separate, ...more] = parsed._.map(String);
  if (more.length > 0) return { wrong: "too many arguments" };
  const { host, port: attached } = split(where);
  if (host === "") return { wrong: "the host is empty" };
  if (attached !== undefined && separate !== undefined) return { wrong: "the port is given twice" };
  const port = attached ?? separate;
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)) {
    return { wrong: `the port must be a number from 1 to 65535, not ${port || "empty"}` };
  }
  const ports = port === undefined ? PORTS : [Number(port)];
  return {
    do: "chat",
    places: ports.map((port) => ({ host, port })),
    suspend: !parsed["no-suspend"],
    ...device !== undefined && { device },
  };
}

/** `chat.example:6000`, `[::1]:6000`, or a host alone; an IPv6 address without brackets is one, too. */
function split(where: string): { host: string; port?: string } {
  const [, bracketed, port] = /^\[([^\]]*)\](?::(.*))?$/.exec(where) ?? [];
  if (bracketed !== undefined) return port === undefined ? { host: bracketed } : { host: bracketed, port };
  const parts = where.split(":");
  return parts.length === 2 ? { host: parts[0]!, port: parts[1]! } : { host: where };
}
