import { fileURLToPath } from "node:url";
import { WITH_PARENT, within } from "../services/process.ts";
import { ClusterError } from "./errors.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
/** The very first start downloads the packages. */
const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 10_000;

/** One chat server as a process, from source, run by the Deno that runs this. It ends with this process. */
export class ChatNode {
  readonly name: string;
  readonly port: number;
  /** What starts the same node by hand. */
  readonly command: readonly string[];
  /** Resolves when it has ended and its last line was shown. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #listening = Promise.withResolvers<"listening">();
  #isRunning = true;

  /** Starts the process, which is not to say that it listens. */
  constructor(options: {
    readonly port: number;
    readonly flags: readonly string[];
    readonly show: (name: string, line: string) => void;
  }) {
    this.port = options.port;
    this.name = `node ${options.port}`;
    const flags = [`--host=127.0.0.1`, `--port=${options.port}`, ...options.flags];
    this.command = [Deno.execPath(), "run", "-A", MAIN, ...flags];
    this.#child = new Deno.Command("sh", {
      args: ["-c", WITH_PARENT, "sh", "KILL", ...this.command],
      // Ctrl-C is for the cluster, which ends its nodes when it is their turn.
      detached: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.ended = this.#follow(options.show);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Resolves when it takes connections; a {@linkcode ClusterError} if it ends before, or takes too long. */
  async ready(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), READY_WITHIN_MS));
    const outcome = await Promise.race([this.#listening.promise, this.ended, late]);
    clearTimeout(timer);
    if (outcome === "listening") return;
    throw new ClusterError(
      outcome === "late"
        ? `${this.name} was not listening after ${READY_WITHIN_MS / 1000} s`
        : `${this.name} ended before it was listening (${howItEnded(outcome)}); see what it said above`,
    );
  }

  /** Ends it as its operator would, also if it is frozen; by force if that takes too long. */
  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    this.#signal("SIGCONT");
    if (!await within(STOP_WITHIN_MS, () => !this.#isRunning)) await this.kill();
  }

  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.ended;
  }

  #signal(signal: Deno.Signal): void {
    if (!this.#isRunning) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It ended a moment ago.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #follow(show: (name: string, line: string) => void): Promise<Deno.CommandStatus> {
    const print = async (stream: ReadableStream<Uint8Array>) => {
      for await (const line of linesOf(stream)) {
        show(this.name, line);
        if (line.startsWith("listening on ")) this.#listening.resolve("listening");
      }
    };
    const [status] = await Promise.all([
      this.#child.status,
      print(this.#child.stdout),
      print(this.#child.stderr),
    ]);
    this.#isRunning = false;
    return status;
  }
}

/** `SIGKILL` or `exit code 1`. */
export function howItEnded(status: Deno.CommandStatus): string {
  return status.signal ?? `exit code ${status.code}`;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
