import { parseArgs } from "@std/cli/parse-args";
import { versionLine } from "../server/version.ts";
import { App } from "./app.ts";
import { systemClock } from "./clock.ts";
import { helpLines } from "./commands.ts";
import { dialTcp } from "./connection.ts";
import { Mids } from "./mids.ts";
import type { Dial } from "./link.ts";
import { isTerminal, openScreen } from "./screen.ts";

const USAGE = `usage: chat-client [HOST[:PORT]]     (127.0.0.1, port 8888 or else 6000)

Talk to a chat server. First log in or register from the menu, then type commands:

${helpLines().map((line) => "  " + line).join("\n")}

Lines can also come from a pipe: one answer to a question or one command a line. What is printed then:

  2026-11-22 12:07:21 [2] bob: hello              a message; in a group: … (group 4) [2] bob: hello
  sent to 2 #5: hello                             stored by the server, as number 5 of the conversation
  delivered to 2 up to #5, read by 2 up to #5     your messages so far (… in group 4 up to #5)
  sending… to 2: hello                            not stored after a second, or the connection is down
  not sent to 2: hello                            given up, on leaving
  error 103: no such user (not sent to 2: hello)  refused

Exit status: 0; 1 if there is no server, or something in a pipe was not sent or not done; 2 for wrong arguments.`;

/** What the untyped library returns, as far as it is used here. */
interface Arguments {
  readonly _: (string | number)[];
  readonly help: boolean;
  readonly version: boolean;
}

/** Where nobody has said where: nginx in front of a cluster, or a server alone. */
const DEFAULTS: readonly Address[] = [{ host: "127.0.0.1", port: 8888 }, { host: "127.0.0.1", port: 6000 }];

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The command line as addresses of which the first is used that answers, what to print, or what is wrong with it. */
export function readArguments(
  args: string[],
): { tries: readonly Address[] } | "help" | "version" | { wrong: string } {
  let unknown: string | undefined;
  const parsed: Arguments = parseArgs(args, {
    boolean: ["help", "version"],
    alias: { help: "h" },
    string: ["_"],
    unknown: (name: string) => {
      if (name.startsWith("-")) unknown ??= name;
    },
  });
  if (parsed.help) return "help";
  if (parsed.version) return "version";
  if (unknown !== undefined) return { wrong: `unknown option ${unknown}` };
  const given = parsed._.map(String);
  if (given.length === 0) return { tries: DEFAULTS };
  if (given.length > 2) return { wrong: "too many arguments" };
  const [host, port] = given.length === 2 ? given as [string, string] : split(given[0]!);
  if (host === "") return { wrong: "the host is empty" };
  if (port === undefined) return { tries: DEFAULTS.map(({ port }) => ({ host, port })) };
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    return { wrong: `the port must be a number from 1 to 65535, not ${port}` };
  }
  return { tries: [{ host, port: Number(port) }] };
}

/** `HOST:PORT`, `[IPV6]:PORT`, `HOST` or `IPV6`. */
function split(text: string): [host: string, port?: string] {
  const bracketed = /^\[(.*)\](?::(.*))?$/.exec(text);
  if (bracketed) return bracketed[2] === undefined ? [bracketed[1]!] : [bracketed[1]!, bracketed[2]];
  const parts = text.split(":");
  return parts.length === 2 ? [parts[0]!, parts[1]!] : [text];
}

/** Opens a connection to the first address that takes one, and says which if nobody has named it. */
function dialFirst(tries: readonly Address[]): Dial {
  let chosen = tries.length === 1 ? tries[0] : undefined;
  return async (events) => {
    if (chosen) return await dialTcp(chosen.host, chosen.port)(events);
    const causes: string[] = [];
    for (const address of tries) {
      try {
        const wire = await dialTcp(address.host, address.port)(events);
        chosen = address;
        return wire;
      } catch (cause) {
        causes.push(cause instanceof Error ? cause.message : String(cause));
      }
    }
    throw new Error(causes.join("; "));
  };
}

async function main(): Promise<void> {
  const where = readArguments(Deno.args);
  if (where === "help") return await say(USAGE, Deno.stdout);
  if (where === "version") {
    return await say(versionLine("chat-client", { deno: Deno.version.deno }), Deno.stdout);
  }
  if ("wrong" in where) {
    await say(`chat-client: ${where.wrong}; see chat-client --help`, Deno.stderr);
    Deno.exit(2);
  }
  // Nobody reads what is printed any more, so nothing may be taken for shown.
  const screen = openScreen(() => Deno.exit(1));
  const mids = new Mids({ now: Date.now, random: Math.random });
  const app = new App(screen, {
    dial: dialFirst(where.tries),
    clock: systemClock,
    random: Math.random,
    newMid: () => mids.next(),
    interactive: isTerminal(),
    exit: (code) => void screen.close().finally(() => Deno.exit(code)),
  });
  try {
    await app.start();
  } catch (cause) {
    await screen.close();
    await say(`chat-client: ${cause instanceof Error ? cause.message : String(cause)}`, Deno.stderr);
    Deno.exit(1);
  }
  screen.listen({
    line: (text) => new Promise((taken) => app.post({ type: "line", text, taken })),
    eof: () => app.post({ type: "eof" }),
    interrupt: () => app.post({ type: "interrupt" }),
  });
}

async function say(text: string, stream: { write(bytes: Uint8Array): Promise<number> }): Promise<void> {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

if (import.meta.main) await main();
