import { StoreUnavailable } from "./store.ts";

/**
 * Gathers what comes in while a commit is under way and commits it together: idle means immediate, busy means
 * large batches. Each entry's promise settles with its own result. If a batch fails for any other reason than that
 * the store cannot be reached, its entries are tried one by one, so that a bad one fails alone.
 */
export class GroupCommit<Entry, Result> {
  readonly #commit: (batch: readonly Entry[]) => Promise<readonly Result[]> | readonly Result[];
  readonly #maxBatch: number;
  #waiting: Waiter<Entry, Result>[] = [];
  #running: Promise<void> | undefined;

  /** @param commit Commits a batch as a whole and gives the results in the same order. */
  constructor(
    commit: (batch: readonly Entry[]) => Promise<readonly Result[]> | readonly Result[],
    options: { maxBatch: number },
  ) {
    this.#commit = commit;
    this.#maxBatch = options.maxBatch;
  }

  add(entry: Entry): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when everything added so far has been committed or refused. */
  async drain(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    // One turn of the loop, so that the frames that other connections have ready join the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#settle(this.#waiting.splice(0, this.#maxBatch));
    this.#running = undefined;
  }

  async #settle(batch: readonly Waiter<Entry, Result>[]): Promise<void> {
    try {
      const results = await this.#commit(batch.map((waiter) => waiter.entry));
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(results[i]!);
    } catch (error) {
      if (batch.length > 1 && !(error instanceof StoreUnavailable)) {
        for (const waiter of batch) await this.#settle([waiter]);
      } else {
        for (const waiter of batch) waiter.reject(error);
      }
    }
  }
}

interface Waiter<Entry, Result> {
  readonly entry: Entry;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}
