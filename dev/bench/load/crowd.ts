import { delay } from "@std/async/delay";
import { Asker, loopback } from "./asker.ts";
import { quantile } from "../statistics.ts";
import { serve } from "./worker.ts";

/** Many connections that do nothing, or come back all at once when they have been cut. */
export interface CrowdSettings {
  readonly port: number;
  /** Ids of the users, one a connection. */
  readonly users: readonly number[];
}

/** How a crowd came back. */
export interface Return {
  /** From the cut until the last one was logged in, and until half and 99 % of them were; ms. */
  readonly all: number;
  readonly p50: number;
  readonly p99: number;
  /** How often somebody had to try again. */
  readonly retries: number;
  /** Who were not back in a minute. */
  readonly missing: number;
}

/** As many at once as long as there is no hurry. */
const AT_ONCE = 100;
/** How long to wait before trying again, ms on average; not all at once. */
const RETRY_PAUSE = 1000;
/** Who is not back by then is not waited for, ms. */
const PATIENCE = 60_000;

class Crowd {
  readonly #settings: CrowdSettings;
  #askers = new Set<Asker>();
  #retries = 0;

  constructor(settings: CrowdSettings) {
    this.#settings = settings;
  }

  /** Connects everybody, and logs nobody in. */
  connect(): Promise<void> {
    return this.#inTurn(async (user) => void this.#askers.add(await this.#open(user)));
  }

  /** Connects everybody and logs them in. */
  logIn(): Promise<void> {
    return this.#inTurn(async (user) => {
      const asker = await this.#comeBack(user);
      if (asker === undefined) throw new Error(`user ${user} cannot log in`);
      this.#stay(user, asker);
    });
  }

  /** Cuts every connection; everybody connects again at once and logs in by token. */
  async cut(): Promise<Return> {
    const lost = this.#askers;
    this.#askers = new Set();
    this.#retries = 0;
    const began = performance.now();
    for (const asker of lost) asker.close();
    const times: number[] = [];
    await Promise.all(this.#settings.users.map(async (user) => {
      const asker = await this.#comeBack(user);
      if (asker === undefined) return;
      this.#stay(user, asker);
      times.push(performance.now() - began);
    }));
    return {
      all: performance.now() - began,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      retries: this.#retries,
      missing: this.#settings.users.length - times.length,
    };
  }

  #open(user: number): Promise<Asker> {
    return Asker.connect(this.#settings.port, { hostname: loopback(user) });
  }

  /** Tries until it is logged in, but not for ever. */
  async #comeBack(user: number): Promise<Asker | undefined> {
    const deadline = performance.now() + PATIENCE;
    while (true) {
      let asker: Asker | undefined;
      try {
        asker = await this.#open(user);
        await asker.logIn(user);
        return asker;
      } catch {
        asker?.close();
        if (performance.now() > deadline) return undefined;
        this.#retries++;
        await delay(RETRY_PAUSE * (0.5 + Math.random()));
      }
    }
  }

  /** Answers the server's pings until the connection is cut; one that the server ends is made again. */
  async #stay(user: number, asker: Asker): Promise<void> {
    const askers = this.#askers;
    askers.add(asker);
    try {
      while (true) {
        await asker.next(14);
        await asker.send({ msgid: 15 });
      }
    } catch {
      // After a cut there is another set.
      if (askers !== this.#askers) return;
      askers.delete(asker);
      asker.close();
      this.#retries++;
      const again = await this.#comeBack(user);
      if (again && askers === this.#askers) this.#stay(user, again);
    }
  }

  async #inTurn(join: (user: number) => Promise<void>): Promise<void> {
    const waiting = this.#settings.users.values();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const user of waiting) await join(user);
    }));
  }
}

await serve((settings: CrowdSettings) => {
  const crowd = new Crowd(settings);
  return Promise.resolve({
    connect: () => crowd.connect(),
    logIn: () => crowd.logIn(),
    cut: () => crowd.cut(),
  });
});
