/** How long a test waits for text, in ms. */
const PATIENCE = 20_000;

/** An interactive shell in a terminal of its own, by util-linux's `script`. */
export class TerminalProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #screen: ReadableStreamDefaultReader<string>;
  #unread = "";

  constructor() {
    this.#child = new Deno.Command("script", {
      args: ["-qfc", "env PS1='ready$ ' bash --norc --noprofile -i", "/dev/null"],
      cwd: new URL("../..", import.meta.url).pathname,
      env: { TERM: "xterm" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keyboard = this.#child.stdin.getWriter();
    this.#screen = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Whether this machine has what it takes. */
  static async isPossible(): Promise<boolean> {
    try {
      const { stdout } = await new Deno.Command("script", { args: ["--version"], stderr: "null" }).output();
      const { success } = await new Deno.Command("bash", { args: ["-c", ":"] }).output();
      return success && new TextDecoder().decode(stdout).includes("util-linux");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Presses keys; a line ends with `\r`. */
  async press(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  /** Waits for text that no earlier call has taken, and takes everything up to its end. */
  async sees(pattern: RegExp): Promise<void> {
    const deadline = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE);
    try {
      for (;;) {
        const match = pattern.exec(this.#unread);
        if (match) {
          this.#unread = this.#unread.slice(match.index + match[0].length);
          return;
        }
        const { done, value } = await this.#screen.read();
        if (done) throw new Error(`no ${pattern} in ${JSON.stringify(this.#unread)}`);
        this.#unread += value;
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The shell's jobs end with their terminal.
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await this.#keyboard.abort().catch(() => "closed before");
    await this.#screen.cancel();
  }
}
