import { type Load, pause } from "./load.ts";
import { measure, type Run } from "./measure.ts";
import type { Options, Sizes } from "./options.ts";
import type { Result } from "./result.ts";
import type { Target } from "./target.ts";
import type { World } from "./world.ts";

/** Something that is measured in its own way. */
export interface Scenario {
  readonly name: string;
  /** What it measures, in a few words. */
  readonly about: string;
  /** Gives each result when it is there. */
  run(bench: Bench): AsyncIterable<Result>;
}

/** What a scenario works with. */
export class Bench {
  readonly options: Options;
  readonly sizes: Sizes;
  readonly world: World;
  /** Aborted when the bench is stopped. */
  readonly signal: AbortSignal;
  /** Tells how it goes. */
  readonly say: (line: string) => void;

  constructor(parts: Pick<Bench, "options" | "sizes" | "world" | "signal" | "say">) {
    this.options = parts.options;
    this.sizes = parts.sizes;
    this.world = parts.world;
    this.signal = parts.signal;
    this.say = parts.say;
  }

  pause(ms: number): Promise<void> {
    return pause(ms, this.signal);
  }

  /** Starts a load, measures it once, and ends it. */
  async measure(target: Target, start: () => Promise<Load>): Promise<Run> {
    await using load = await start();
    return await measure(load, {
      target,
      warmUpMs: this.sizes.warmUpMs,
      measureMs: 1000 * this.options.seconds,
      signal: this.signal,
    });
  }
}
