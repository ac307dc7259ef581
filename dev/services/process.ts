import { delay } from "@std/async/delay";
import { freePort, isFree } from "./port.ts";
import { DaemonError, PortTakenError } from "./errors.ts";

const PROBE_EVERY_MS = 25;
const READY_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 8_000;
const LOG_TAIL_BYTES = 4_000;
const PORT_TRIES = 5;

/**
 * For `sh -c FRAGMENT sh SIGNAL COMMAND…`. Replaces itself by the command, so that the pid stays; where util-linux is
 * installed the kernel sends the command the signal as soon as the thread that started it is gone.
 */
export const WITH_PARENT = `
signal=$1; shift
if setpriv --pdeathsig "$signal" true 2>/dev/null; then exec setpriv --pdeathsig "$signal" "$@"; fi
exec "$@"`;

/** The same with the log file as the first argument: output goes there. */
const LAUNCH = `
log=$1; shift
exec >>"$log" 2>&1
${WITH_PARENT}`;

/** Where one server lives: a folder that is its alone, and a loopback port. */
export interface Place {
  readonly folder: string;
  readonly port: number;
}

/** What to run, and the signal that ends it with everything it started when the parent is gone. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly deathSignal: "KILL" | "TERM";
}

interface Running {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  ended: Deno.CommandStatus | undefined;
}

/**
 * A server process on one port with one data folder, which it keeps through any number of ends and restarts. Disposing
 * ends it (SIGKILL, since nothing of it is to be kept) and removes the folder.
 *
 * A test that starts one disposes of it too, or Deno's leak checks (`sanitizeOps`, `sanitizeResources`) name it; a
 * restart counts as a start.
 */
export abstract class Daemon implements AsyncDisposable {
  readonly hostname = "127.0.0.1";
  readonly port: number;
  readonly folder: string;
  readonly #program: Program;
  readonly #logFile: string;
  #running: Running | undefined;
  #disposed = false;

  protected constructor(place: Place, program: Program) {
    this.port = place.port;
    this.folder = place.folder;
    this.#program = program;
    this.#logFile = `${place.folder}/${program.name}.log`;
  }

  /** One probe, bounded in time: does this very process (not another one on its port) take commands? */
  protected abstract isReady(): Promise<boolean>;

  /** Process id of the server itself. Throws {@linkcode DaemonError} while it is not running. */
  get pid(): number {
    if (this.#running === undefined || this.#running.ended !== undefined) {
      throw new DaemonError(`${this.#program.name} is not running`);
    }
    return this.#running.pid;
  }

  /** Whether the process is there; also while it is paused. */
  get isRunning(): boolean {
    return this.#running !== undefined && this.#running.ended === undefined;
  }

  /** Resolves when the process that runs now has ended. Throws {@linkcode DaemonError} if none does. */
  get ended(): Promise<Deno.CommandStatus> {
    if (this.#running === undefined || this.#running.ended !== undefined) {
      throw new DaemonError(`${this.#program.name} is not running`);
    }
    return this.#running.status;
  }

  /** Starts the process; resolves when it takes commands, else throws a {@linkcode DaemonError} with the log's end. */
  async start(): Promise<void> {
    if (this.isRunning) throw new DaemonError(`${this.#program.name} is already running`);
    const logStart = await this.logSize();
    const running = this.#spawn();
    const deadline = Date.now() + READY_WITHIN_MS;
    while (running.ended === undefined && Date.now() < deadline) {
      if (await this.isReady()) return;
      await delay(PROBE_EVERY_MS);
    }
    const ended = running.ended;
    if (ended === undefined) await this.kill();
    const log = await this.log({ from: logStart });
    const what = ended === undefined
      ? `was not ready within ${READY_WITHIN_MS} ms`
      : `ended before it was ready (${ended.signal ?? `exit code ${ended.code}`})`;
    const sentence = `${this.#program.name} on port ${this.port} ${what}`;
    throw /address already in use/i.test(log)
      ? new PortTakenError(sentence, log)
      : new DaemonError(sentence, log);
  }

  /** Signals the server's first process only, and does not wait. To end the server use {@linkcode kill}. */
  signal(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  /**
   * Ends the server and all it started with a signal that cannot be refused, or with another that ends it; resolves
   * when it is gone and its port is free. The data stay, for {@linkcode restart}.
   */
  async kill(signal: "SIGKILL" | "SIGTERM" | "SIGQUIT" | "SIGINT" = "SIGKILL"): Promise<void> {
    const running = this.#running;
    if (running === undefined || running.ended !== undefined) return;
    this.#toAll(signal);
    if (!await within(STOP_WITHIN_MS, () => running.ended !== undefined && isFree(this.port))) {
      throw new DaemonError(`${this.#program.name} was still there ${STOP_WITHIN_MS} ms after ${signal}`);
    }
  }

  /** Ends the server as its operator would (SIGTERM), or by SIGKILL when that takes too long. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined || running.ended !== undefined) return;
    this.resume();
    this.signal("SIGTERM");
    if (await within(STOP_WITHIN_MS, () => running.ended !== undefined && isFree(this.port))) return;
    await this.kill();
  }

  /** Stops it if it runs, and starts it again on the same port with the same data. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Freezes the server: its port still accepts connections (the kernel does), and nothing answers. */
  pause(): void {
    this.#toAll("SIGSTOP");
  }

  /** Lets a paused server go on; does nothing to one that runs. */
  resume(): void {
    this.#toAll("SIGCONT");
  }

  /** The log from byte `from` on, and of that at most the last `bytes` (4,000 if not given). */
  async log(options: { from?: number; bytes?: number } = {}): Promise<string> {
    const size = await this.logSize();
    const from = Math.max(options.from ?? 0, size - (options.bytes ?? LOG_TAIL_BYTES));
    if (from >= size) return "";
    using file = await Deno.open(this.#logFile);
    await file.seek(from, Deno.SeekMode.Start);
    return await new Response(file.readable).text();
  }

  /** The log's length in bytes so far. */
  protected async logSize(): Promise<number> {
    try {
      return (await Deno.stat(this.#logFile)).size;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return 0;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.kill();
    await Deno.remove(this.folder, { recursive: true });
  }

  #spawn(): Running {
    const { command, deathSignal } = this.#program;
    const child = new Deno.Command("sh", {
      args: ["-c", LAUNCH, "sh", this.#logFile, deathSignal, ...command],
      cwd: this.folder,
      // Messages in English: "address already in use" is told apart by its text.
      env: { LC_ALL: "C" },
      // A process group of its own, so that kill and pause reach nginx's workers as well.
      detached: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const running: Running = { pid: child.pid, status: child.status, ended: undefined };
    child.status.then((status) => running.ended = status);
    this.#running = running;
    return running;
  }

  #toAll(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.pid, signal);
    } catch (error) {
      // It ended on its own a moment ago: nothing is left to signal.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/**
 * Makes a server in a fresh temporary folder on a free port and starts it. When somebody else took the port in
 * between, once more on another; a port that the caller names is tried once.
 */
export async function launch<T extends Daemon>(
  make: (place: Place) => Promise<T>,
  options: { port?: number | undefined } = {},
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    const folder = await Deno.makeTempDir({ prefix: "chat-service-" });
    let daemon: T | undefined;
    try {
      daemon = await make({ folder, port: options.port ?? freePort() });
      await daemon.start();
      return daemon;
    } catch (error) {
      await (daemon === undefined ? Deno.remove(folder, { recursive: true }) : daemon[Symbol.asyncDispose]());
      const again = error instanceof PortTakenError && options.port === undefined && attempt < PORT_TRIES;
      if (!again) throw error;
    }
  }
}

/** Polls a condition until it holds (true) or the time is over (false). */
export async function within(ms: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (!await condition()) {
    if (Date.now() > deadline) return false;
    await delay(5);
  }
  return true;
}
