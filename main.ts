import { isMainThread } from "node:worker_threads";
import { startApp } from "./server/app.ts";
import { readCommand, unknownVariables } from "./server/config.ts";
import { StartupError } from "./server/errors.ts";
import { Logger } from "./server/ops/logger.ts";
import { VERSION, versionLine } from "./server/version.ts";

const utf8 = new TextEncoder();
const print = (text: string) => void Deno.stdout.writeSync(utf8.encode(text));
const printError = (text: string) => void Deno.stderr.writeSync(utf8.encode(text));

/** Whoever reads the log may go away; the server stays. */
function logLine(line: string): void {
  try {
    printError(line);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Exit codes: 2 for a wrong command line, 1 for a server that cannot start. */
async function main(args: readonly string[]): Promise<number> {
  if (args[0] === "import") {
    // Loaded when needed: it brings the drivers.
    const { runImport } = await import("./server/ops/import/command.ts");
    return await runImport(args.slice(1), {
      env: (name) => Deno.env.get(name),
      print,
      printError,
      isTerminal: Deno.stderr.isTerminal(),
      stopped: stopSignal(),
    });
  }
  let command;
  try {
    command = readCommand(args, (name) => Deno.env.get(name));
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    printError(`chat-server: ${error.message}\n`);
    return 2;
  }
  if (command.run === "version") {
    print(versionLine("chat-server", { deno: Deno.version.deno }) + "\n");
    return 0;
  }
  if (command.run !== "serve") {
    print(command.text);
    return 0;
  }
  const log = new Logger({ level: command.config["log-level"], write: logLine });
  for (const sentence of unknownVariables(Object.keys(Deno.env.toObject()))) log.warn(sentence);
  // What nobody foresaw must not end the conversation of everybody else.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.defect(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.defect(event.error);
  });
  try {
    const stopped = stopSignal();
    log.debug("starting", { version: VERSION });
    const app = await Promise.race([startApp(command.config, log), stopped]);
    if (typeof app === "string") {
      // Nobody is served yet. What is half done in the database is undone by it, or taken up by the next start.
      log.info("stopped while starting", { signal: app });
      return 0;
    }
    const { hostname, port } = app.address;
    print(`listening on ${hostname}:${port}\n`);
    log.info("stopping", { signal: await stopped });
    await app.stop();
    log.info("stopped");
    return 0;
  } catch (error) {
    if (error instanceof StartupError) printError(`chat-server: ${error.message}\n`);
    else log.defect(error);
    return 1;
  }
}

/** One press of Ctrl-C can arrive twice: from the terminal, and from a parent that passes it on. */
const SAME_PRESS_MS = 500;

/** The first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let seen: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => {
        const now = performance.now();
        if (seen !== undefined && now - seen > SAME_PRESS_MS) Deno.exit(130);
        seen ??= now;
        resolve(signal);
      });
    }
  });
}

// In one file with everything else, this is also what the server's other threads load; they know themselves what to do.
if (isMainThread) Deno.exit(await main(Deno.args));
