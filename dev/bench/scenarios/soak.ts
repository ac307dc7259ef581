import { Load } from "../load.ts";
import { pairsOf, PEOPLE } from "../population.ts";
import type { Result } from "../result.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { slope } from "../statistics.ts";
import type { Target } from "../target.ts";
import { residentMb } from "../usage.ts";

const PAIRS = 100;
const EVERY_MS = 100;
const SAMPLE_MS = 3000;

/** Whether memory grows under a steady load. */
export const soak: Scenario = {
  name: "soak",
  about: "growth of resident memory under a steady load",
  async *run(bench) {
    for (const target of await bench.world.servers()) {
      // The two nodes are those of it as well.
      if (target.name === "MariaDB") continue;
      yield await growth(bench, target);
    }
  },
};

/** A point in time: minutes, and MB of all nodes together. */
interface Sample {
  readonly x: number;
  readonly y: number;
}

async function growth(bench: Bench, target: Target): Promise<Result> {
  const { signal, say, options } = bench;
  const pairs = pairsOf(PEOPLE.pairs, PAIRS);
  await using load = await Load.start("steady", {
    settings: { ports: target.ports, pairs, everyMs: EVERY_MS },
    signal,
  });
  const began = performance.now();
  const samples: Sample[] = [];
  while (true) {
    await bench.pause(SAMPLE_MS);
    const x = (performance.now() - began) / 60_000;
    const y = residentMb(target.pids.server);
    samples.push({ x, y });
    const { perSecond, p99 } = await load.mark();
    say(
      `soak, ${target.name}: ${x.toFixed(1)} of ${options.soakMinutes} min, ${y.toFixed(0)} MB, ` +
        `${perSecond.toFixed(0)} messages/s, p99 ${p99.toFixed(1)} ms`,
    );
    if (x >= options.soakMinutes) break;
  }
  const secondHalf = samples.slice(Math.floor(samples.length / 2));
  return {
    what: `soak of ${options.soakMinutes} min, ${1000 / EVERY_MS * PAIRS} messages/s, ${
      samples.at(-1)!.y.toFixed(0)
    } MB at its end`,
    on: target.name,
    value: slope(secondHalf),
    unit: "MB/min in the second half",
    runs: samples,
  };
}
