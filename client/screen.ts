import { createInterface, type Interface } from "node:readline";
import process from "node:process";
import { Writable } from "node:stream";
import { readLines } from "./lines.ts";
import type { Output } from "./output.ts";

/** What the screen tells whoever listens to the keyboard. */
export interface Keyboard {
  /** A line was typed; resolves when it was taken. The next ones may come before. */
  line(text: string): Promise<void>;
  /** Ctrl-D, or the end of the pipe. */
  eof(): void;
  interrupt(): void;
}

/** The one place that writes to the terminal and reads from it. */
export interface Screen extends Output {
  /** Begins to report what is typed. */
  listen(keyboard: Keyboard): void;
  /** Writes what is still unwritten and gives the terminal back. */
  close(): Promise<void>;
}

/** Whether a person sits there: lines are edited only if both ends are a terminal. */
export function isTerminal(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/** How a screen behaves. */
export interface ScreenOptions {
  /** Called when nothing can be written any more. */
  readonly failed: (cause: string) => void;
  /** Whether Ctrl-Z suspends. */
  readonly suspend: boolean;
}

/** The screen that fits what standard input and output are. */
export function openScreen({ failed, suspend }: ScreenOptions): Screen {
  return isTerminal() ? new TerminalScreen({ suspend }) : new PipeScreen(failed);
}

/** Plain lines out, lines in, nothing else. Writes gather while one is under way. */
export class PipeScreen implements Screen {
  readonly #failed: (cause: string) => void;
  #unwritten = "";
  #shown: (() => void)[] = [];
  #writing: Promise<void> | undefined;
  #broken = false;

  constructor(failed: (cause: string) => void) {
    this.#failed = failed;
  }

  print(line: string, shown?: () => void): void {
    if (this.#broken) return;
    this.#unwritten += line + "\n";
    if (shown) this.#shown.push(shown);
    this.#writing ??= this.#write().catch((cause: unknown) => {
      this.#broken = true;
      this.#failed(cause instanceof Error ? cause.message : String(cause));
    });
  }

  prompt(text: string): void {
    if (text !== "") this.print(text);
  }

  listen(keyboard: Keyboard): void {
    interruptsTo(keyboard);
    readLines(Deno.stdin, (line) => keyboard.line(line)).then(() => keyboard.eof(), () => keyboard.eof());
  }

  async close(): Promise<void> {
    while (this.#writing && !this.#broken) await this.#writing;
  }

  async #write(): Promise<void> {
    // Let the lines of one turn gather.
    await Promise.resolve();
    while (this.#unwritten !== "") {
      const bytes = new TextEncoder().encode(this.#unwritten);
      const shown = this.#shown;
      this.#unwritten = "";
      this.#shown = [];
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
      for (const tell of shown) tell();
    }
    this.#writing = undefined;
  }
}

/** Line editing and history by readline; what comes in is printed above the line being typed. */
export class TerminalScreen implements Screen {
  readonly #editor: Interface;
  readonly #echo = new Echo();
  readonly #suspends: boolean;
  #prompt = "";
  #secret = false;
  #unwritten = "";
  #shown: (() => void)[] = [];
  #closed = false;

  constructor({ suspend }: { suspend: boolean }) {
    this.#suspends = suspend;
    this.#editor = createInterface({ input: process.stdin, output: this.#echo, terminal: true, prompt: "" });
  }

  print(line: string, shown?: () => void): void {
    if (this.#unwritten === "") queueMicrotask(() => this.#flush());
    this.#unwritten += line + "\n";
    if (shown) this.#shown.push(shown);
  }

  prompt(text: string, options: { secret?: boolean } = {}): void {
    this.#flush();
    this.#prompt = text + " ";
    this.#secret = options.secret ?? false;
    this.#echo.muted = this.#secret;
    this.#editor.setPrompt(this.#prompt);
    if (this.#secret) process.stdout.write(this.#prompt);
    else this.#editor.prompt();
  }

  listen(keyboard: Keyboard): void {
    this.#editor.on("line", (text) => {
      if (this.#secret) process.stdout.write("\n");
      // A password is over with its line; whatever comes next is asked for again.
      this.#secret = this.#echo.muted = false;
      keyboard.line(text);
      this.#flush();
      if (!this.#secret && !this.#closed) this.#editor.prompt();
    });
    this.#editor.on("history", (history: string[]) => {
      // Neither passwords nor answers to the menu are worth coming back to.
      if (this.#prompt !== "> ") history.shift();
    });
    this.#editor.on("SIGINT", () => keyboard.interrupt());
    this.#editor.on("SIGTSTP", () => this.#suspend());
    Deno.addSignalListener("SIGCONT", () => this.#resume());
    this.#editor.on("close", () => {
      if (!this.#closed) keyboard.eof();
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#flush();
    this.#echo.muted = true;
    this.#editor.close();
    return new Promise((resolve) => process.stdout.write("\r\x1b[J", () => resolve()));
  }

  /**
   * Ctrl-Z. The line editor has switched the terminal's own handling off, so the client has to do it; but it can stop
   * only itself. A parent that goes on, as `deno task` does, would keep the shell from coming back.
   */
  #suspend(): void {
    if (!this.#suspends) return this.print("Ctrl-Z is ignored here: the terminal would hang");
    process.stdin.setRawMode(false);
    process.kill(process.pid, "SIGTSTP");
    // Where there is no shell to come back to, the system ignores the signal.
    this.#resume();
  }

  #resume(): void {
    if (this.#closed) return;
    // The shell may have left the terminal in another mode than the system calls say.
    process.stdin.setRawMode(false);
    process.stdin.setRawMode(true);
    this.#drawPrompt();
  }

  #drawPrompt(): void {
    if (this.#secret) process.stdout.write(this.#prompt);
    else this.#editor.prompt(true);
  }

  #flush(): void {
    const text = this.#unwritten;
    if (text === "") return;
    const shown = this.#shown;
    this.#unwritten = "";
    this.#shown = [];
    const rows = this.#secret ? 0 : this.#editor.getCursorPos().rows;
    const up = rows > 0 ? `\x1b[${rows}A` : "";
    // The editor goes up as many rows as its line had before it draws it again, so it is given as many below.
    process.stdout.write(`${up}\r\x1b[J${text}${"\n".repeat(rows)}`, () => {
      for (const tell of shown) tell();
    });
    if (!this.#closed) this.#drawPrompt();
  }
}

/** The terminal as the line editor sees it; muted while a password is typed. */
class Echo extends Writable {
  muted = false;
  readonly isTTY = true;

  constructor() {
    super({ decodeStrings: false });
    process.stdout.on("resize", () => this.emit("resize"));
  }

  get columns(): number {
    return process.stdout.columns;
  }

  override _write(chunk: string | Uint8Array, _encoding: string, done: () => void): void {
    if (this.muted) return done();
    process.stdout.write(chunk);
    done();
  }
}

function interruptsTo(keyboard: Keyboard): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => keyboard.interrupt());
  }
}
