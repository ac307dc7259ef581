// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Writes the standalone executables `chat-server` and `chat-client`.
 *
 *     deno task compile [--output DIR] [--only server|client] [--method auto|compile|bundle]
 */
import { parseArgs } from "@std/cli/parse-args";
import { build, type Method, METHODS } from "./compile/build.ts";
import { PROGRAMS, ROOT } from "./compile/programs.ts";

const USAGE = "usage: deno task compile [--output DIR] [--only server|client] [--method auto|compile|bundle]";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: ["output", "only", "method"],
    boolean: ["help"],
    unknown: (argument: string) => {
      unknown.push(argument);
      return false;
    },
  });
  if (flags.help) {
    console.log(USAGE);
    return 0;
  }
  const programs = PROGRAMS.filter(({ name }) => flags.only === undefined || name === `chat-${flags.only}`);
  const method: Method | undefined = METHODS.find((name) => name === (flags.method ?? "auto"));
  if (unknown.length > 0 || programs.length === 0 || method === undefined) {
    console.error(USAGE);
    return 2;
  }
  const start = performance.now();
  const work = await Deno.makeTempDir({ prefix: "chat-compile-" });
  const interrupted = () => {
    Deno.removeSync(work, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const output = flags.output ?? ROOT.replace(/\/$/, "");
    await build(programs, { output, work, method, level: 6, report: (line) => console.log(line) });
    console.log(`done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return 0;
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    await Deno.remove(work, { recursive: true });
  }
}
