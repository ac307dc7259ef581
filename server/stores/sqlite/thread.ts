import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { connect, type ConnectOptions } from "./connection.ts";
import {
  perform,
  SqliteWriter,
  type WriteArg,
  type WriteName,
  type WriteResult,
  type Writes,
} from "./writer.ts";
import { StoreUnavailable } from "../store.ts";

/** How long arrived messages may stay unfiled when there are few of them, in ms. */
const TIDY_AFTER = 100;
/** How long filing that failed is left alone, in ms. */
const REST = 3000;
/** Tells this thread from others that a program may have. */
const ROLE = "sqlite writer";

/** Goes as JSON, which costs half of what cloning does. */
interface Request {
  readonly id: number;
  readonly name: WriteName | "close";
  readonly arg?: unknown;
}

type Response =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly unavailable: boolean } };

/** The id of what the thread says first, when the database is open. */
const READY = 0;

/**
 * A writer on a thread of its own, so that nobody waits for the disk who has nothing to do with it. If the thread ends
 * unforeseen, whatever it had not answered is reported as unavailable, and the next call starts another one.
 */
export class WriterThread implements Writes {
  readonly #options: ConnectOptions;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #worker: Worker | undefined;
  #closed = false;
  #next = READY + 1;

  /** @throws {Error} if the database cannot be opened. */
  static async start(options: ConnectOptions): Promise<WriterThread> {
    const thread = new WriterThread(options);
    await thread.#start();
    return thread;
  }

  private constructor(options: ConnectOptions) {
    this.#options = options;
  }

  async call<Name extends WriteName>(name: Name, arg: WriteArg<Name>): Promise<WriteResult<Name>> {
    return await this.#ask(name, arg) as WriteResult<Name>;
  }

  async close(): Promise<void> {
    const done = this.#ask("close", undefined);
    this.#closed = true;
    try {
      await done;
    } finally {
      const worker = this.#worker;
      this.#worker = undefined;
      await worker?.terminate();
    }
  }

  #ask(name: Request["name"], arg: unknown): Promise<unknown> {
    if (this.#closed) return Promise.reject(new StoreUnavailable("the database is closed"));
    if (!this.#worker) this.#start().catch(() => "told to everybody who waits");
    const asked = Promise.withResolvers<unknown>();
    const id = this.#next++;
    this.#waiting.set(id, asked);
    this.#worker!.postMessage(JSON.stringify({ id, name, arg } satisfies Request));
    return asked.promise;
  }

  #start(): Promise<unknown> {
    const ready = Promise.withResolvers<unknown>();
    this.#waiting.set(READY, ready);
    // This module is its own entry; in a bundle it is the whole program, which leaves the thread alone.
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { role: ROLE, options: this.#options },
    });
    this.#worker = worker;
    worker.on("message", (response: Response) => this.#settle(response));
    worker.on("error", (error: Error) => this.#lose(worker, error));
    worker.on(
      "exit",
      () => this.#lose(worker, new Error("the thread that writes to the database has ended")),
    );
    return ready.promise;
  }

  #settle(response: Response): void {
    const asked = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if ("result" in response) return asked?.resolve(response.result);
    const { message, unavailable } = response.error;
    asked?.reject(unavailable ? new StoreUnavailable(message) : new Error(message));
  }

  #lose(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const asked of lost) asked.reject(new StoreUnavailable(cause.message, { cause }));
  }
}

/** The other end: does what it is asked to, in order, and files arrived messages when there is time. */
function serve(writer: SqliteWriter, port: NonNullable<typeof parentPort>): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let resting = false;
  const tidy = (options: { all: boolean }) => {
    let pause = TIDY_AFTER;
    resting = false;
    try {
      if (!writer.tidy(options)) return;
    } catch (error) {
      // What has arrived is safe where it is. Once there is too much of it, commits are refused and say why.
      if (!(error instanceof StoreUnavailable)) throw error;
      resting = true;
      pause = REST;
    }
    timer ??= setTimeout(() => {
      timer = undefined;
      tidy({ all: true });
    }, pause);
  };
  port.on("message", (json: string) => {
    const { id, name, arg } = JSON.parse(json) as Request;
    try {
      if (name !== "close") {
        port.postMessage({ id, result: perform(writer, { name, arg: arg as WriteArg<typeof name> }) });
        return resting ? undefined : tidy({ all: false });
      }
      tidy({ all: true });
      clearTimeout(timer);
      writer.close();
      port.postMessage({ id, result: undefined });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      port.postMessage({ id, error: { message, unavailable: error instanceof StoreUnavailable } });
    }
  });
  port.postMessage({ id: READY, result: undefined });
}

if (!isMainThread && workerData?.role === ROLE && parentPort) {
  serve(new SqliteWriter(connect(workerData.options)), parentPort);
}
