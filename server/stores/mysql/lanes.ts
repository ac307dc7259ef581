import { StoreUnavailable } from "../store.ts";

/** What became of one entry: its result, or the error that it is refused with. */
export type Settled<Result> = Result | Error;

interface Waiter<Entry, Result> {
  readonly entry: Entry;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Entries of one lane that go together, at most. */
const MOST = 32;

/**
 * Entries that need more than to be inserted wait here, in a lane for each conversation: in a lane one after the other,
 * several lanes at once. What a lane waits for costs nobody outside it anything.
 */
export class Lanes<Entry extends { readonly conv: string }, Result> {
  readonly #work: (entries: readonly Entry[]) => Promise<readonly Settled<Result>[]>;
  readonly #atOnce: number;
  readonly #lanes = new Map<string, Waiter<Entry, Result>[]>();
  /** Conversations whose turn has not come. */
  readonly #ready: string[] = [];
  #running = 0;
  #drained: (() => void)[] = [];

  /**
   * @param work Carries out entries of one conversation in their order and gives what became of each, in that order.
   * @param atOnce Lanes that work at the same time.
   */
  constructor(
    work: (entries: readonly Entry[]) => Promise<readonly Settled<Result>[]>,
    { atOnce }: { atOnce: number },
  ) {
    this.#work = work;
    this.#atOnce = atOnce;
  }

  /** Whether entries of a conversation are here: others of it have to follow them. */
  has(conv: string): boolean {
    return this.#lanes.has(conv);
  }

  add(entry: Entry): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiter = { entry, resolve, reject };
      const lane = this.#lanes.get(entry.conv);
      if (lane) return void lane.push(waiter);
      this.#lanes.set(entry.conv, [waiter]);
      this.#ready.push(entry.conv);
      this.#next();
    });
  }

  /** Resolves when all lanes are empty. */
  async drain(): Promise<void> {
    while (this.#lanes.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #next(): void {
    while (this.#running < this.#atOnce && this.#ready.length > 0) {
      this.#running++;
      this.#run(this.#ready.shift()!);
    }
  }

  /** Never rejects. */
  async #run(conv: string): Promise<void> {
    const lane = this.#lanes.get(conv)!;
    const batch = lane.splice(0, MOST);
    try {
      const results = await this.#work(batch.map(({ entry }) => entry));
      batch.forEach(({ resolve, reject }, i) => {
        const result = results[i]!;
        if (result instanceof Error) reject(result);
        else resolve(result);
      });
      // Nothing overtakes what could not be stored just now.
      const last = results.at(-1);
      if (last instanceof StoreUnavailable) { for (const { reject } of lane.splice(0)) reject(last); }
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      for (const { reject } of batch) reject(cause);
    }
    // In the same turn as the look at the lane, so that nothing falls in between.
    if (lane.length > 0) this.#ready.push(conv);
    else this.#lanes.delete(conv);
    this.#running--;
    this.#next();
    if (this.#lanes.size === 0) { for (const resolve of this.#drained.splice(0)) resolve(); }
  }
}
