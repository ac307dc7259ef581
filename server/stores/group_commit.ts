import { type NewMessage, StoreUnavailable } from "./store.ts";

/** The most that goes into one transaction. */
export interface BatchLimits<Entry> {
  readonly entries: number;
  /** Of the sum of the entries' sizes; a larger entry goes alone. */
  readonly size: number;
  readonly sizeOf: (entry: Entry) => number;
  /** How many batches may be under way at once, in order; 1 if left out. */
  readonly depth?: number;
  /** Batches that are under way at once never share one of these. */
  readonly laneOf?: (entry: Entry) => string;
}

/** For messages: a statement that inserts so much is well below what databases take at once. */
export const BATCH: BatchLimits<NewMessage> = {
  entries: 512,
  size: 1024 * 1024,
  sizeOf: ({ body }) => body.length,
};

/**
 * Gathers what comes in while a commit is under way and commits it together: idle means immediate, busy means
 * large batches. Each entry's promise settles with its own result. If a batch fails for any other reason than that
 * the store cannot be reached, its entries are tried one by one, so that a bad one fails alone.
 */
export class GroupCommit<Entry, Result> {
  readonly #commit: (batch: readonly Entry[]) => Promise<readonly Result[]> | readonly Result[];
  readonly #limits: BatchLimits<Entry>;
  #waiting: Waiter<Entry, Result>[] = [];
  /** The lanes of the batches that are under way. */
  readonly #busy = new Set<string>();
  #running = 0;
  #drained: (() => void)[] = [];

  /** @param commit Commits a batch as a whole and gives the results in the same order. */
  constructor(
    commit: (batch: readonly Entry[]) => Promise<readonly Result[]> | readonly Result[],
    limits: BatchLimits<Entry>,
  ) {
    this.#commit = commit;
    this.#limits = limits;
  }

  add(entry: Entry): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      if (this.#running < (this.#limits.depth ?? 1)) this.#run();
    });
  }

  /** Resolves when everything added so far has been committed or refused. */
  async drain(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#running++;
    // One turn of the loop, so that the frames that other connections have ready join the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      await this.#settle(batch);
      for (const { entry } of batch) this.#busy.delete(this.#limits.laneOf?.(entry) ?? "");
    }
    // In the same turn as the look at what is waiting, so that nothing falls in between.
    this.#running--;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Those that go next, out of those that wait; none if each has to wait for a batch that is under way. */
  #take(): Waiter<Entry, Result>[] {
    const { entries, size, sizeOf, laneOf } = this.#limits;
    const taken: Waiter<Entry, Result>[] = [];
    const left: Waiter<Entry, Result>[] = [];
    const lanes = new Set<string>();
    let room = size;
    for (let i = 0; i < this.#waiting.length; i++) {
      const waiter = this.#waiting[i]!;
      const lane = laneOf?.(waiter.entry);
      if (lane !== undefined && this.#busy.has(lane)) {
        left.push(waiter);
        continue;
      }
      room -= sizeOf(waiter.entry);
      if (taken.length === entries || (taken.length > 0 && room < 0)) {
        for (; i < this.#waiting.length; i++) left.push(this.#waiting[i]!);
        break;
      }
      taken.push(waiter);
      if (lane !== undefined) lanes.add(lane);
    }
    this.#waiting = left;
    for (const lane of lanes) this.#busy.add(lane);
    return taken;
  }

  async #settle(batch: readonly Waiter<Entry, Result>[]): Promise<void> {
    try {
      const results = await this.#commit(batch.map((waiter) => waiter.entry));
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(results[i]!);
    } catch (error) {
      if (batch.length > 1 && !(error instanceof StoreUnavailable)) {
        for (const waiter of batch) await this.#settle([waiter]);
      } else {
        // A store that is away is not asked again for each of those that wait.
        const refused = error instanceof StoreUnavailable ? [...batch, ...this.#waiting.splice(0)] : batch;
        for (const waiter of refused) waiter.reject(error);
      }
    }
  }
}

interface Waiter<Entry, Result> {
  readonly entry: Entry;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}
