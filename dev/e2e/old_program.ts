import { assert, assertEquals } from "@std/assert";
import type { FromProgram, ToProgram } from "./old_program_worker.ts";
import type { Wired } from "./wire.ts";

/** How long a program waits for what must come before its test fails, in ms. */
const PATIENCE = 60_000;
/** How long it takes to come back from a read, at most, in ms. */
const SLOWEST = 3;

/** A program of old has ended by itself. */
export class ProgramEnded extends Error {
  override readonly name = "ProgramEnded";
}

/**
 * A program of the first generation, in a thread of its own: it takes what one `recv` of 1,024 bytes gives it for one
 * object, and ends when that is anything else.
 */
export class OldProgram implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #seed: number;
  #wake = () => {};
  #aborted: string | undefined;
  #frames: Wired[] = [];

  private constructor(worker: Worker, seed: number) {
    this.#worker = worker;
    this.#seed = seed;
    worker.onmessage = ({ data }: MessageEvent<FromProgram>) => {
      if ("read" in data) this.#frames.push(JSON.parse(data.read));
      else this.#aborted = data.aborted;
      this.#wake();
    };
  }

  static start(port: number, { prompt }: { prompt: boolean }): OldProgram {
    const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
    const worker = new Worker(new URL("./old_program_worker.ts", import.meta.url), { type: "module" });
    const program = new OldProgram(worker, seed);
    program.#tell({ connect: { port, seed, slowest: SLOWEST, prompt } });
    return program;
  }

  /** Sends frames, each ended by NUL, in one write. */
  say(...frames: object[]): void {
    this.#tell({ say: frames.map((frame) => JSON.stringify(frame) + "\0").join("") });
  }

  /** Takes the next frame, which must be of this kind. */
  async hear(msgid: number): Promise<Wired> {
    const late = Date.now() + PATIENCE;
    while (this.#frames.length === 0) {
      if (this.#aborted !== undefined) throw new ProgramEnded(`seed ${this.#seed}: ${this.#aborted}`);
      assert(Date.now() < late, `seed ${this.#seed}: waits for msgid ${msgid} for ever`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, late - Date.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const frame = this.#frames.shift()!;
    assertEquals(frame.msgid, msgid, `seed ${this.#seed}: ${JSON.stringify(frame)}`);
    return frame;
  }

  /** So many frames of this kind. */
  async hearAll(msgid: number, count: number): Promise<Wired[]> {
    const frames: Wired[] = [];
    while (frames.length < count) frames.push(await this.hear(msgid));
    return frames;
  }

  /** Nothing further has come when the answer to something else is the next thing to come. */
  async hearNothing(): Promise<void> {
    this.say({ msgid: 99 });
    assertEquals((await this.hear(16)).errno, 101);
  }

  /** Logs in; what was missed and came in the answer. */
  async logIn(who: { id: number; password: string }): Promise<{ ack: Wired; missed: Wired[] }> {
    this.say({ id: who.id, msgid: 1, password: who.password });
    const ack = await this.hear(2);
    assertEquals(ack.errno, 0, JSON.stringify(ack));
    return { ack, missed: (ack.offlinemsg ?? []).map((text: string) => JSON.parse(text)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.terminate();
    await Promise.resolve();
  }

  #tell(what: ToProgram): void {
    this.#worker.postMessage(what);
  }
}
