import type { MariaDb } from "./mariadb.ts";
import { ProcessClock } from "./process_clock.ts";

/** How long MariaDB may take to notice that its clock was changed, in ms. */
const NOTICED_WITHIN = 10_000;
/** How far from what was asked for the clock may be, in s. */
const TOLERANCE = 2;

/** A clock for MariaDB alone, which can be stepped while it runs. Durations stay as they are. */
export class DatabaseClock implements AsyncDisposable {
  readonly #clock: ProcessClock;

  private constructor(clock: ProcessClock) {
    this.#clock = clock;
  }

  /** A clock that is right, or undefined where libfaketime is not installed. */
  static async make(): Promise<DatabaseClock | undefined> {
    const clock = await ProcessClock.make({ measures: false });
    return clock && new DatabaseClock(clock);
  }

  /** What is to run mariadbd. */
  get wrapper(): readonly string[] {
    return this.#clock.wrapper;
  }

  /** Steps the clock to so many seconds ahead of the right time; resolves when MariaDB goes by it. */
  async set(db: MariaDb, seconds: number): Promise<void> {
    await this.#clock.set(seconds);
    const deadline = performance.now() + NOTICED_WITHIN;
    while (true) {
      const ahead = Number(await db.sql("SELECT UNIX_TIMESTAMP(NOW(6))")) - Date.now() / 1000;
      if (Math.abs(ahead - seconds) < TOLERANCE) return;
      if (performance.now() > deadline) {
        throw new Error(`MariaDB is ${ahead.toFixed(1)} s ahead, not ${seconds}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clock[Symbol.asyncDispose]();
  }
}
