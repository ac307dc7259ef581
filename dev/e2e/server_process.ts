import { assert } from "@std/assert";
import { Wire } from "./wire.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** How to start the server: the executable under test if there is one, otherwise from source. */
export function serverCommand(flags: readonly string[]): { command: string; args: string[] } {
  const executable = Deno.env.get("TEST_CHAT_SERVER");
  return executable
    ? { command: executable, args: [...flags] }
    : { command: Deno.execPath(), args: ["run", "-A", MAIN, ...flags] };
}

/** A server as a process of its own, on loopback, with cheap passwords. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly port: number;

  private constructor(options: {
    child: Deno.ChildProcess;
    stderr: Promise<string>;
    lines: ReadableStreamDefaultReader<string>;
    port: number;
  }) {
    this.#child = options.child;
    this.#stderr = options.stderr;
    this.#lines = options.lines;
    this.port = options.port;
  }

  /** Starts and waits for the line that says it is listening. */
  static start(...flags: string[]): Promise<ServerProcess> {
    return ServerProcess.startUnder([], ...flags);
  }

  /** The same, as the last arguments of another command that executes it. */
  static async startUnder(wrapper: readonly string[], ...flags: string[]): Promise<ServerProcess> {
    const server = serverCommand(["--port=0", "--password-cost=10", ...flags]);
    const [command = server.command, ...args] = [...wrapper, server.command, ...server.args];
    const child = new Deno.Command(command, { args, stdout: "piped", stderr: "piped", stdin: "null" })
      .spawn();
    const stderr = new Response(child.stderr).text();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const first = await lines.read();
    const port = Number(first.value?.match(/^listening on \S+:(\d+)\n/)?.[1]);
    if (!port) {
      lines.releaseLock();
      throw new Error(`the server did not start: ${first.value ?? ""}${await stderr}`);
    }
    return new ServerProcess({ child, stderr, lines, port });
  }

  get pid(): number {
    return this.#child.pid;
  }

  connect(): Promise<Wire> {
    return Wire.connect(this.port);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: Deno.Signal): Promise<{ code: number; log: string }> {
    try {
      this.#child.kill(signal);
    } catch (error) {
      assert(error instanceof TypeError, "it may have ended before");
    }
    const { code } = await this.#child.status;
    while (!(await this.#lines.read()).done);
    return { code, log: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}
