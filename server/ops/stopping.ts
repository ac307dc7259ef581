import type { System } from "../system.ts";

/** Something to be done when the server stops. */
interface Step {
  /** What it does, as in "could not …". */
  readonly what: string;
  /** How long it may take, in ms. */
  readonly within: number;
  readonly work: () => void | Promise<void>;
}

export interface StoppingOptions {
  /** How long all steps together may take, in ms. */
  readonly within: number;
  /** Told of each step that failed or was not finished in time, once. */
  readonly onUndone: (what: string, cause: string) => void;
  readonly system: Pick<System, "monotonic" | "after">;
}

/**
 * What a start has to be undone by, in the opposite order. Each step has a bound and so have all of them together: a
 * database that hangs keeps no server from ending.
 */
export class Stopping {
  readonly #options: StoppingOptions;
  readonly #steps: Step[] = [];

  constructor(options: StoppingOptions) {
    this.#options = options;
  }

  /** Remembers a step; it runs before those that are there. */
  add(what: string, step: { within: number; work: () => void | Promise<void> }): void {
    this.#steps.unshift({ what, ...step });
  }

  /** Does the steps, each when the one before is done or given up. Never rejects. */
  async run(): Promise<void> {
    const { within, onUndone, system: { monotonic, after } } = this.#options;
    const deadline = monotonic() + within;
    for (const step of this.#steps) {
      const left = Math.max(0, Math.min(step.within, deadline - monotonic()));
      const late = Promise.withResolvers<string>();
      const cancel = after(left, () => late.resolve("no answer in time"));
      const cause = await Promise.race([attempt(step), late.promise]);
      cancel();
      if (cause !== undefined) onUndone(step.what, cause);
    }
  }
}

/** Why it failed; undefined if it did not. */
async function attempt({ work }: Step): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message || error.name : String(error);
  }
}
