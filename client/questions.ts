import type { Host } from "./host.ts";

interface Question {
  readonly text: string;
  readonly secret: boolean;
}

/** Asks for a few lines one after another: the next lines that are typed answer, whatever they look like. */
export class Questions {
  readonly #host: Host;
  #waiting: Question[] = [];
  #answers: string[] = [];
  #done: (answers: readonly string[]) => void = () => {};

  constructor(host: Host) {
    this.#host = host;
  }

  get open(): boolean {
    return this.#waiting.length > 0;
  }

  /** @param done Gets as many answers as there are questions. */
  ask(questions: readonly Question[], done: (answers: readonly string[]) => void): void {
    this.#waiting = [...questions];
    this.#answers = [];
    this.#done = done;
    this.#prompt();
  }

  /** Takes an answer; false if nothing was asked. */
  take(line: string): boolean {
    if (!this.open) return false;
    this.#waiting.shift();
    this.#answers.push(line);
    if (this.open) {
      this.#prompt();
      return true;
    }
    const [answers, done] = [this.#answers, this.#done];
    this.forget();
    done(answers);
    return true;
  }

  /** Nobody waits for the answers any more. */
  forget(): void {
    this.#waiting = [];
    this.#answers = [];
    this.#done = () => {};
  }

  #prompt(): void {
    const { text, secret } = this.#waiting[0]!;
    this.#host.output.prompt(text, { secret });
  }
}
