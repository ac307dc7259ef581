const MAIN = new URL("../../client/main.ts", import.meta.url).pathname;

/** How to start the client: the executable under test if there is one, otherwise from source. */
export function clientCommand(args: readonly string[]): { command: string; args: string[] } {
  const executable = Deno.env.get("TEST_CHAT_CLIENT");
  return executable
    ? { command: executable, args: [...args] }
    : { command: Deno.execPath(), args: ["run", "--allow-net", "--no-prompt", MAIN, ...args] };
}

/** How long a test waits for a line, in ms. */
const PATIENCE = 20_000;

/** A client on two pipes: types lines, waits for lines. */
export class ClientProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #waiting = new Set<() => void>();
  readonly #stderr: Promise<string>;
  #closed = false;
  /** Everything that it printed so far. */
  output = "";

  constructor(port: number) {
    const { command, args } = clientCommand(["127.0.0.1", `${port}`]);
    this.#child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#stderr = new Response(this.#child.stderr).text();
    this.#reading = this.#read();
  }

  async type(...lines: string[]): Promise<void> {
    await this.#input.write(new TextEncoder().encode(lines.map((line) => line + "\n").join("")));
  }

  /** Waits until what it printed matches, and gives the match. */
  async sees(pattern: RegExp): Promise<RegExpMatchArray> {
    const deadline = Date.now() + PATIENCE;
    while (true) {
      const match = this.output.match(pattern);
      if (match) return match;
      const left = deadline - Date.now();
      if (left <= 0 || this.#closed) {
        throw new Error(`no ${pattern} in:\n${this.output}\n${this.#closed ? await this.#stderr : ""}`);
      }
      await this.#news(left);
    }
  }

  /** The machine falls asleep: the process stands still, its connection stays. */
  sleep(): void {
    this.#child.kill("SIGSTOP");
  }

  wake(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends the input and waits for the exit code. */
  async finish(): Promise<number> {
    await this.#input.close();
    const { code } = await this.#child.status;
    await this.#reading;
    await this.#stderr;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await this.#input.abort().catch(() => "closed before");
    await this.#reading;
    await this.#stderr;
  }

  async #news(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wake = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      for (const wake of this.#waiting) wake();
    }
    this.#closed = true;
    for (const wake of this.#waiting) wake();
  }
}
