import { Checker, type Verdict } from "../proof/check.ts";
import type { Violation } from "../proof/findings.ts";
import type { Event } from "../proof/history.ts";
import type { HistoryFile } from "../proof/history_file.ts";
import type { Score } from "./score.ts";

/** An event before the journal has said when it is. */
export type Draft = Event extends infer One ? One extends Event ? Omit<One, "t"> : never : never;

/** Time in the history has a tenth of a millisecond. */
const TENTHS = 10;

/** A message that somebody wrote. */
export interface Written {
  readonly mid: string;
  readonly conv: string;
  readonly at: number;
  acknowledged: boolean;
}

/** The clients' common history: what they do and see goes into a file and to the checker, and waits are measured. */
export class Journal {
  readonly #score: Score;
  readonly #now: () => number;
  readonly #file: HistoryFile;
  readonly #checker: Checker;
  readonly #written = new Map<string, Written>();
  readonly #waiting = new Map<string, { readonly reader: number; readonly done: () => void }>();

  /** @param options `mayGoBack`: whether the database comes back older in this run. */
  constructor(
    { score, now, file, mayGoBack }: {
      score: Score;
      now: () => number;
      file: HistoryFile;
      mayGoBack: boolean;
    },
  ) {
    this.#score = score;
    this.#now = now;
    this.#file = file;
    this.#checker = new Checker({
      mayGoBack,
      onViolation: (violation) => score.violate(inTable(violation), violation.t),
    });
  }

  /** Adds what has just happened to the history. */
  record(draft: Draft): void {
    this.#add({ ...draft, t: this.#t() });
  }

  /** Tells the reader of the history what the suite does. */
  note(text: string): void {
    this.#add({ type: "note", text, t: this.#t() });
  }

  /** Notes a message that a user has written; gives its text. */
  write({ mid, conv }: { mid: string; conv: string }, size: number): string {
    this.#written.set(mid, { mid, conv, at: this.#now(), acknowledged: false });
    return `${mid} `.padEnd(size, "é漢-");
  }

  get(mid: string): Written | undefined {
    return this.#written.get(mid);
  }

  /** Every conversation in which somebody has written. */
  conversations(): Set<string> {
    return new Set([...this.#written.values()].map(({ conv }) => conv));
  }

  /** @param awakeSince When the sender's program last began to run. */
  acknowledged(mid: string, awakeSince: number): void {
    const message = this.#written.get(mid);
    if (!message || message.acknowledged) return;
    message.acknowledged = true;
    this.#score.acknowledged(this.#now() - Math.max(message.at, awakeSince));
  }

  /** @param awakeSince When the reader's program last began to run. */
  shown(mid: string, { reader, awakeSince }: { reader: number; awakeSince: number }): void {
    const message = this.#written.get(mid);
    if (message) this.#score.waited(this.#now() - Math.max(message.at, awakeSince));
    const waiting = this.#waiting.get(mid);
    if (waiting?.reader !== reader) return;
    this.#waiting.delete(mid);
    waiting.done();
  }

  /** Resolves when the reader has been shown the message. */
  whenShown(mid: string, reader: number): Promise<void> {
    return new Promise((done) => this.#waiting.set(mid, { reader, done }));
  }

  /** Nothing is recorded any more: what the checker says, and which message has which number in the last log. */
  finish(): Verdict & { readonly places: ReturnType<Checker["places"]> } {
    this.#file.flush();
    const verdict = this.#checker.finish();
    return { ...verdict, places: this.#checker.places(verdict.log) };
  }

  #t(): number {
    return Math.round(this.#now() * TENTHS) / TENTHS;
  }

  #add(event: Event): void {
    this.#file.write(event);
    this.#checker.add(event);
  }
}

/** A violation as a line of the report. */
export function inTable({ breach, conv = "", seq, mid = "", why }: Violation) {
  return { flaw: breach, conv, seq, mid, where: why };
}

/** What is compared of a text: FNV-1a and the length, so that a history is not as long as what was said. */
export function digestOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${(hash >>> 0).toString(36)}.${text.length}`;
}
