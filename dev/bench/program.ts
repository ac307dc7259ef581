import { WITH_PARENT } from "../services/process.ts";

/** A Deno program that listens on a port of its own. Disposing kills it. */
export interface Program extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** From its start to the line that says it listens, ms. */
  readonly startMs: number;
  /** Ends it as its operator would. */
  stop(): Promise<void>;
}

const pathOf = (file: string) => new URL(file, import.meta.url).pathname;

/** Starts the server on a free port, with its defaults beside what is given. */
export function startServer(flags: readonly string[]): Promise<Program> {
  return startProgram(pathOf("../../main.ts"), [
    "--port=0",
    // A crowd comes by several loopback addresses.
    "--host=0.0.0.0",
    "--log-level=warn",
    "--drain-seconds=0",
    ...flags,
  ]);
}

/** Starts the floor: {@link file://./relay.ts}. */
export function startRelay(): Promise<Program> {
  return startProgram(pathOf("relay.ts"), []);
}

async function startProgram(file: string, flags: readonly string[]): Promise<Program> {
  const began = performance.now();
  const child = new Deno.Command("sh", {
    args: ["-c", WITH_PARENT, "sh", "KILL", Deno.execPath(), "run", "-A", file, ...flags],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const line = (await lines.read()).value ?? "";
  const port = Number(/:(\d+)\n/.exec(line)?.[1]);
  if (!port) throw new Error(`it did not start: ${file} ${flags.join(" ")}`);
  let ended = false;
  const status = child.status.then(() => ended = true);
  const end = async (signal: Deno.Signal) => {
    if (!ended) child.kill(signal);
    await status;
    await lines.cancel();
  };
  return {
    port,
    pid: child.pid,
    startMs: performance.now() - began,
    stop: () => end("SIGTERM"),
    [Symbol.asyncDispose]: () => end("SIGKILL"),
  };
}
