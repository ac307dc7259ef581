const WIDTH = 30;
/** How often a bar is drawn, and how often a line is written where there is no terminal, in ms. */
const BAR_EVERY = 100;
const LINE_EVERY = 10_000;

/** Shows how far a long step is: a bar on a terminal, now and then a line elsewhere. */
export class Progress {
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #now: () => number;
  #step = "";
  #total = 0;
  #done = 0;
  #began = 0;
  #shown = 0;

  /** @param now Milliseconds of a monotonic clock. */
  constructor(options: { write: (text: string) => void; isTerminal: boolean; now: () => number }) {
    this.#write = options.write;
    this.#isTerminal = options.isTerminal;
    this.#now = options.now;
  }

  /** @param total How much there is to do, if that is known. */
  begin(step: string, total = 0): void {
    this.#step = step;
    this.#total = total;
    this.#done = 0;
    this.#began = this.#shown = this.#now();
  }

  add(count = 1): void {
    this.#done += count;
    if (this.#now() - this.#shown < (this.#isTerminal ? BAR_EVERY : LINE_EVERY)) return;
    this.#shown = this.#now();
    this.#show();
  }

  end(): void {
    const seconds = ((this.#now() - this.#began) / 1000).toFixed(1);
    this.#line(`${this.#step}: ${this.#done} in ${seconds} s`, "\n");
  }

  /** Leaves the line that the bar stands in. */
  stop(): void {
    if (this.#isTerminal) this.#write("\n");
  }

  #show(): void {
    if (this.#total === 0) return this.#line(`${this.#step}: ${this.#done}`);
    const part = Math.min(1, this.#done / this.#total);
    const left = Math.round((this.#now() - this.#began) / 1000 * (1 / part - 1));
    const bar = "█".repeat(Math.round(part * WIDTH)).padEnd(WIDTH, "░");
    const numbers = `${this.#done} of ${this.#total}, about ${left} s left`;
    this.#line(this.#isTerminal ? `${this.#step} ${bar} ${numbers}` : `${this.#step}: ${numbers}`);
  }

  #line(text: string, end = this.#isTerminal ? "" : "\n"): void {
    this.#write(this.#isTerminal ? `\r\x1b[K${text}${end}` : `${text}${end}`);
  }
}
