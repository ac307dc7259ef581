import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Found, type Query, type SearchStore, StoreUnavailable } from "../store.ts";
import { connect, type ConnectOptions } from "./connection.ts";
import { SqliteSearcher } from "./searcher.ts";

/** How long a search may take, with those before it, in ms. */
const PATIENCE = 15_000;
/** How long closing may take, in ms: what a search takes, about. */
const CLOSE_WITHIN = 2000;
/** Tells this thread from others that a program may have. */
const ROLE = "sqlite search";
/** Pages that the thread keeps in memory, in KB. */
const CACHE = 16_384;

/** The id of what the thread says first, when the database is open. */
const READY = 0;

interface Request {
  readonly id: number;
  /** Undefined: close. */
  readonly query?: Query;
}

interface Response {
  readonly id: number;
  readonly found?: Found;
  readonly failed?: { readonly message: string; readonly unavailable: boolean };
}

/**
 * Searches on a thread and a connection of their own, one after the other: whoever does something else does not wait for
 * them. The thread begins with the first search. If it ends unforeseen, what it had not answered is reported as
 * unavailable, and the next search starts another one.
 */
export class SearchThread implements SearchStore {
  readonly #options: ConnectOptions;
  readonly #waiting = new Map<number, PromiseWithResolvers<Found | undefined>>();
  #worker: Worker | undefined;
  #next = READY + 1;
  #closed = false;

  constructor({ path, durability }: ConnectOptions) {
    this.#options = { path, durability };
  }

  async find(query: Query): Promise<Found | undefined> {
    if (this.#closed) throw new StoreUnavailable("the database is closed");
    return await this.#ask(query, PATIENCE);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (!worker) return;
    try {
      await this.#ask(undefined, CLOSE_WITHIN);
    } catch (error) {
      // Then it is ended in the middle of something, which changes nothing in the database.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    this.#lose(worker, new Error("the database is closed"));
    await worker.terminate();
  }

  async #ask(query: Query | undefined, patience: number): Promise<Found | undefined> {
    const worker = this.#worker ??= this.#start();
    const id = this.#next++;
    const asked = Promise.withResolvers<Found | undefined>();
    // Beginning may take as long as it takes.
    await this.#waiting.get(READY)?.promise;
    this.#waiting.set(id, asked);
    const timer = setTimeout(() => asked.reject(new StoreUnavailable("the search takes too long")), patience);
    worker.postMessage(JSON.stringify({ id, ...query && { query } } satisfies Request));
    try {
      return await asked.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  #start(): Worker {
    // This module is its own entry; in a bundle it is the whole program, which leaves the thread alone.
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { role: ROLE, options: this.#options },
    });
    this.#waiting.set(READY, Promise.withResolvers());
    worker.on("message", (json: string) => this.#settle(JSON.parse(json)));
    worker.on("error", (error: Error) => this.#lose(worker, error));
    worker.on("exit", () => this.#lose(worker, new Error("the thread that searches has ended")));
    return worker;
  }

  #settle({ id, found, failed }: Response): void {
    const asked = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!failed) return asked?.resolve(found);
    const { message, unavailable } = failed;
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

/** The other end: carries out searches in their order. */
function serve(options: ConnectOptions, port: NonNullable<typeof parentPort>): void {
  const db = connect(options);
  db.exec(`PRAGMA query_only = ON; PRAGMA cache_size = -${CACHE}`);
  const searcher = new SqliteSearcher(db);
  const answer = (response: Response) => port.postMessage(JSON.stringify(response));
  port.on("message", (json: string) => {
    const { id, query } = JSON.parse(json) as Request;
    try {
      if (!query) {
        db.close();
        return answer({ id });
      }
      const found = searcher.find(query);
      answer({ id, ...found && { found } });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      answer({ id, failed: { message, unavailable: error instanceof StoreUnavailable } });
    }
  });
  answer({ id: READY });
}

if (!isMainThread && workerData?.role === ROLE && parentPort) serve(workerData.options, parentPort);
