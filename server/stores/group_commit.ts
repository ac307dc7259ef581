import type { Slots } from "./slots.ts";
import { type NewMessage, StoreUnavailable } from "./store.ts";

/** The most that goes into one transaction. */
export interface BatchLimits<Entry> {
  readonly entries: number;
  /** Of the sum of the entries' sizes; a larger entry goes alone. */
  readonly size: number;
  readonly sizeOf: (entry: Entry) => number;
  /** How many batches may be under way at once, in order; 1 if left out. */
  readonly depth?: number;
  /** How many of `count` entries go together; all of them if left out. The others go with the next batch. */
  readonly fit?: (count: number) => number;
  /** What a batch waits for; others join it until then. */
  readonly slots?: Slots;
}

/** For messages: a statement that inserts so much is well below what databases take at once. */
export const BATCH: BatchLimits<NewMessage> = {
  entries: 512,
  size: 1024 * 1024,
  sizeOf: ({ body }) => body.length,
};

/**
 * Gathers what comes in while a commit is under way and commits it together: idle means immediate, busy means
 * large batches. Each entry's promise settles with its own result, which may still be on its way when the next batch
 * begins. An entry that cannot be stored is one of the results; if a batch fails as a whole, so does each of its entries.
 */
export class GroupCommit<Entry, Result> {
  readonly #commit: (batch: readonly Entry[]) => Results<Result>;
  readonly #limits: BatchLimits<Entry>;
  #waiting: Waiter<Entry, Result>[] = [];
  #running = 0;
  #drained: (() => void)[] = [];

  /** @param commit Commits a batch as a whole and gives the results in the same order. */
  constructor(
    commit: (batch: readonly Entry[]) => Results<Result>,
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

  /** Resolves when no batch is under way and nothing waits for one. */
  async drain(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#running++;
    // One turn of the loop, so that the frames that other connections have ready join the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      await this.#settleNext();
    }
    // In the same turn as the look at what is waiting, so that nothing falls in between.
    this.#running--;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  async #settleNext(): Promise<void> {
    const { slots } = this.#limits;
    if (!slots) return await this.#settle(this.#waiting.splice(0, this.#next()));
    await slots.enter();
    try {
      if (this.#waiting.length > 0) await this.#settle(this.#waiting.splice(0, this.#next()));
    } finally {
      slots.leave();
    }
  }

  /** How many of those that wait go together. */
  #next(): number {
    const { entries, size, sizeOf } = this.#limits;
    const most = Math.min(entries, this.#waiting.length);
    let room = size - sizeOf(this.#waiting[0]!.entry);
    let count = 1;
    while (count < most && (room -= sizeOf(this.#waiting[count]!.entry)) >= 0) count++;
    return this.#limits.fit?.(count) ?? count;
  }

  async #settle(batch: readonly Waiter<Entry, Result>[]): Promise<void> {
    try {
      const results = await this.#commit(batch.map((waiter) => waiter.entry));
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(results[i]!);
    } catch (error) {
      // A store that is away is not asked again for each of those that wait.
      const refused = error instanceof StoreUnavailable ? [...batch, ...this.#waiting.splice(0)] : batch;
      for (const waiter of refused) waiter.reject(error);
    }
  }
}

type Results<Result> = Promise<readonly (Result | Promise<Result>)[]> | readonly (Result | Promise<Result>)[];

interface Waiter<Entry, Result> {
  readonly entry: Entry;
  readonly resolve: (result: Result | Promise<Result>) => void;
  readonly reject: (error: unknown) => void;
}
