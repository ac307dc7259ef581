import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { StoreUnavailable } from "../store.ts";
import { connect, type ConnectOptions } from "./connection.ts";
import { codeOf } from "./statements.ts";
import { SqliteWriter } from "./writer.ts";
import {
  perform,
  type Report,
  type WriteArg,
  type WriteName,
  type WriteResult,
  type Writes,
} from "./writes.ts";

/** How long messages may stay unfiled when there are few of them, in ms. */
const TIDY_AFTER = 1000;
/** How long filing that failed is left alone, in ms. */
const REST = 3000;
/** How long texts may stay out of the index of the search when there are few of them, in ms. */
const INDEX_AFTER = 500;
/** Indexing takes one part in so many of the thread's time, as long as it has other things to do. */
const SHARE = 10;
/** How long a call may take, in ms. */
const PATIENCE = 10_000;
/** The age of calls is counted in so many turns of a timer: the time in which the process was stopped does not count. */
const TURNS = 10;
/** Tells this thread from others that a program may have. */
const ROLE = "sqlite writer";

/** Goes as JSON, which costs half of what cloning does. */
interface Request {
  readonly id: number;
  readonly name: WriteName | "close";
  readonly arg?: unknown;
}

type Response =
  | { readonly report: Report }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Failure };

interface Failure {
  readonly message: string;
  readonly unavailable: boolean;
  /** SQLite's primary result code. */
  readonly code?: number | undefined;
}

/** The id of what the thread says first, when the database is open. */
const READY = 0;

export interface ThreadOptions extends ConnectOptions {
  readonly onReport: (report: Report) => void;
  /** How long a call may take, in ms. */
  readonly patience?: number;
  /** Whether texts go into the index of the search. */
  readonly search: boolean;
}

type ServeOptions = ConnectOptions & Pick<ThreadOptions, "search">;

interface Waiting extends PromiseWithResolvers<unknown> {
  /** The turn in which it was asked. */
  readonly turn: number;
}

/**
 * A writer on a thread of its own, so that nobody waits for the disk who has nothing to do with it. If the thread ends
 * unforeseen, whatever it had not answered is reported as unavailable, and the next call starts another one. A call that
 * takes too long is reported as unavailable too, while the thread goes on with it; until the thread answers again,
 * further calls are refused at once, so that no more than that waits for a disk which hangs.
 */
export class WriterThread implements Writes {
  readonly #options: ServeOptions;
  readonly #onReport: (report: Report) => void;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #closed = false;
  #next = READY + 1;
  readonly #timer: ReturnType<typeof setInterval>;
  #turn = 0;
  #hangs = false;

  /** @throws {Error} if the database cannot be opened. */
  static async start(options: ThreadOptions): Promise<WriterThread> {
    const thread = new WriterThread(options);
    try {
      await thread.#start();
    } catch (error) {
      clearInterval(thread.#timer);
      throw error;
    }
    return thread;
  }

  private constructor({ path, durability, search, onReport, patience = PATIENCE }: ThreadOptions) {
    this.#options = { path, durability, search };
    this.#onReport = onReport;
    this.#timer = setInterval(() => this.#look(), patience / TURNS);
  }

  async call<Name extends WriteName>(name: Name, arg: WriteArg<Name>): Promise<WriteResult<Name>> {
    if (this.#hangs) throw new StoreUnavailable("the disk does not answer");
    return await this.#ask(name, arg) as WriteResult<Name>;
  }

  async close(): Promise<void> {
    const done = this.#ask("close", undefined);
    this.#closed = true;
    try {
      await done;
    } finally {
      clearInterval(this.#timer);
      const worker = this.#worker;
      this.#worker = undefined;
      await worker?.terminate();
    }
  }

  #ask(name: Request["name"], arg: unknown): Promise<unknown> {
    if (this.#closed) return Promise.reject(new StoreUnavailable("the database is closed"));
    if (!this.#worker) this.#start().catch(() => "told to everybody who waits");
    const id = this.#next++;
    const asked = this.#wait(id);
    this.#worker!.postMessage(JSON.stringify({ id, name, arg } satisfies Request));
    return asked;
  }

  #wait(id: number): Promise<unknown> {
    const waiting = { ...Promise.withResolvers<unknown>(), turn: this.#turn };
    this.#waiting.set(id, waiting);
    return waiting.promise;
  }

  #start(): Promise<unknown> {
    const ready = this.#wait(READY);
    // This module is its own entry; in a bundle it is the whole program, which leaves the thread alone.
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { role: ROLE, options: this.#options },
    });
    this.#worker = worker;
    this.#hangs = false;
    worker.on("message", (response: Response) => this.#settle(response));
    worker.on("error", (error: Error) => this.#lose(worker, error));
    worker.on(
      "exit",
      () => this.#lose(worker, new Error("the thread that writes to the database has ended")),
    );
    ready.catch((error) => {
      this.#lose(worker, error);
      return worker.terminate();
    });
    return ready;
  }

  #settle(response: Response): void {
    if ("report" in response) return this.#onReport(response.report);
    if (this.#hangs) this.#onReport({ level: "info", message: "the disk answers again" });
    this.#hangs = false;
    const asked = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if ("result" in response) return asked?.resolve(response.result);
    asked?.reject(errorOf(response.error));
  }

  /** Gives up calls that have waited for too long. Opening the database may take as long as it takes. */
  #look(): void {
    this.#turn++;
    if (this.#waiting.has(READY)) return;
    for (const [id, { turn, reject }] of this.#waiting) {
      if (this.#turn - turn <= TURNS) break;
      this.#waiting.delete(id);
      if (!this.#hangs) this.#onReport({ level: "warn", message: "the disk does not answer" });
      this.#hangs = true;
      reject(new StoreUnavailable("the disk does not answer"));
    }
  }

  #lose(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const asked of lost) asked.reject(new StoreUnavailable(cause.message, { cause }));
  }
}

/** The other end: carries out calls in their order, and files and indexes messages when there is time. */
function serve(options: ServeOptions, port: NonNullable<typeof parentPort>): void {
  const answer = (response: Response) => port.postMessage(response);
  let writer: SqliteWriter;
  try {
    writer = new SqliteWriter(connect(options), { report: (report) => answer({ report }) });
  } catch (error) {
    return answer({ id: READY, error: failureOf(error) });
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Until when filing is left alone. */
  let rest = 0;
  const tidy = (how: { all: boolean }) => {
    const isResting = performance.now() < rest;
    const state = isResting ? "fails" : writer.tidy(how);
    if (state === "filed") return;
    if (state === "fails" && !isResting) rest = performance.now() + REST;
    timer ??= setTimeout(() => {
      timer = undefined;
      tidy({ all: true });
    }, state === "fails" ? REST : TIDY_AFTER);
  };
  let indexing: ReturnType<typeof setTimeout> | undefined;
  let isBusy = false;
  const indexAfter = (ms: number) => {
    if (options.search) indexing ??= setTimeout(index, ms);
  };
  const index = () => {
    indexing = undefined;
    const began = performance.now();
    const state = writer.index();
    const took = performance.now() - began;
    if (state !== "done") indexAfter(state === "fails" ? REST : isBusy ? took * (SHARE - 1) : took);
    isBusy = false;
  };
  port.on("message", (json: string) => {
    isBusy = true;
    const { id, name, arg } = JSON.parse(json) as Request;
    try {
      if (name !== "close") {
        answer({ id, result: perform(writer, { name, arg: arg as WriteArg<typeof name> }) });
        indexAfter(INDEX_AFTER);
        return tidy({ all: false });
      }
      writer.tidy({ all: true });
      clearTimeout(timer);
      clearTimeout(indexing);
      writer.close();
      answer({ id, result: undefined });
    } catch (error) {
      answer({ id, error: failureOf(error) });
    }
  });
  answer({ id: READY, result: undefined });
  // What an earlier process left.
  indexAfter(INDEX_AFTER);
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof StoreUnavailable)) return { message, unavailable: false, code: codeOf(error) };
  return { message, unavailable: true, code: codeOf(error.cause) };
}

function errorOf({ message, unavailable, code }: Failure): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { errcode: code });
  return unavailable ? new StoreUnavailable(message, { cause: error }) : error;
}

if (!isMainThread && workerData?.role === ROLE && parentPort) serve(workerData.options, parentPort);
