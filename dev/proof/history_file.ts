import { type Event, lineOf } from "./history.ts";

/** Lines that are written together. */
const GATHER = 1000;

/** A history on disk, written as it happens. */
export class HistoryFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #utf8 = new TextEncoder();
  #lines: string[] = [];
  #closed = false;

  /** @param path A file that is made, or emptied. */
  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
  }

  write(event: Event): void {
    if (this.#lines.push(lineOf(event)) >= GATHER) this.flush();
  }

  /** Everything that was written is in the file when this returns. */
  flush(): void {
    if (this.#lines.length === 0) return;
    const bytes = this.#utf8.encode(this.#lines.join("\n") + "\n");
    this.#lines = [];
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.flush();
    this.#file.close();
  }
}
