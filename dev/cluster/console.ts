/** Foreground colours of a terminal, one for each node in turn. */
const COLOURS = [36, 33, 32, 35, 34, 96, 93, 92];

/** Everything that is printed: own lines as they are, lines of others behind their names. */
export class Console {
  readonly #utf8 = new TextEncoder();
  readonly #colours = new Map<string, number>();
  readonly #coloured = Deno.stdout.isTerminal() && !Deno.noColor;
  readonly #gone: () => void;
  #muted = false;

  /** @param gone Called once if nobody reads any more; what is printed from then on is dropped. */
  constructor(gone: () => void) {
    this.#gone = gone;
  }

  say(text: string): void {
    this.#write(Deno.stdout, text + "\n");
  }

  /** `node 6000 | line`, in a colour that belongs to the name. */
  show(name: string, line: string): void {
    if (!this.#colours.has(name)) this.#colours.set(name, COLOURS[this.#colours.size % COLOURS.length]!);
    const prefix = this.#coloured ? `\x1b[${this.#colours.get(name)}m${name} |\x1b[0m` : `${name} |`;
    this.#write(Deno.stdout, `${prefix} ${line}\n`);
  }

  complain(sentence: string): void {
    this.#write(Deno.stderr, `cluster: ${sentence}\n`);
  }

  #write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
    if (this.#muted) return;
    try {
      const bytes = this.#utf8.encode(text);
      for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // The terminal was closed, or a pipe's reader left: the servers are still to be taken down.
      this.#muted = true;
      this.#gone();
    }
  }
}
