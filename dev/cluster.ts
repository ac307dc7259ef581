/** Tries a whole cluster: `deno task cluster`; `--help` says more. */
import { fileURLToPath } from "node:url";
import { isFile } from "./services/command.ts";
import { DaemonError, ServicesMissingError } from "./services.ts";
import { Cluster } from "./cluster/cluster.ts";
import { Console } from "./cluster/console.ts";
import { ClusterError } from "./cluster/errors.ts";
import { HELP, readOptions } from "./cluster/options.ts";

const CLIENT = fileURLToPath(new URL("../chat-client", import.meta.url));

/** `deno task` passes Ctrl-C on to a program that the terminal has sent it to already: so many ms make one of both. */
const ONE_PRESS = 250;

/** Exit codes: 2 for a wrong command line, 1 for a cluster that does not start. */
async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const console = new Console(() => stop.abort());
  const options = readOptions(args);
  if (options === "help") {
    console.say(HELP.trimEnd());
    return 0;
  }
  if ("wrong" in options) {
    console.complain(`${options.wrong}; see --help`);
    return 2;
  }
  const cluster = new Cluster(options, console);
  onSignals({
    first: () => {
      if (!stop.signal.aborted) console.say("stopping");
      stop.abort();
    },
    // Also while something is still being started: what is not known here yet goes with this process.
    second: () => void cluster.kill().finally(() => Deno.exit(0)),
  });
  try {
    await cluster.start(stop.signal);
    if (!stop.signal.aborted) {
      console.say(await welcome(cluster, options.port));
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
    }
  } catch (error) {
    // What an interrupted start complains about is the interruption.
    if (!stop.signal.aborted) {
      complain(error, console);
      return 1;
    }
  } finally {
    await cluster.stop();
  }
  return 0;
}

async function welcome(cluster: Cluster, port: number): Promise<string> {
  const client = await isFile(CLIENT) ? [`  ./chat-client 127.0.0.1 ${port}`] : [];
  return [
    "",
    ...cluster.table(),
    "",
    "The cluster is up. In another terminal, as often as you like:",
    "",
    ...client,
    `  deno task client 127.0.0.1 ${port}`,
    "",
    cluster.folder === undefined
      ? "Ctrl-C ends it, and all that was written is gone (unless --keep DIR says where to keep it)."
      : `Ctrl-C ends it; what was written stays in ${cluster.folder}.`,
    "",
  ].join("\n");
}

/** Prints a sentence, after the log of the server that it is about. An error of no known kind is thrown again. */
function complain(error: unknown, console: Console): void {
  if (error instanceof DaemonError) {
    for (const line of error.log?.trimEnd().split("\n") ?? []) console.show("log", line);
    console.complain(error.sentence);
  } else if (error instanceof ClusterError || error instanceof ServicesMissingError) {
    console.complain(error.message);
  } else throw error;
}

/** Ctrl-C, SIGTERM, or the terminal being closed. */
function onSignals(on: { first: () => void; second: () => void }): void {
  let firstAt: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      firstAt ??= performance.now();
      if (performance.now() - firstAt < ONE_PRESS) on.first();
      else on.second();
    });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
