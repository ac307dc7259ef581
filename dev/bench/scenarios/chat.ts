import { Load } from "../load.ts";
import { inTurn } from "../measure.ts";
import { pairsOf, PEOPLE } from "../population.ts";
import { resultOf } from "../result.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import type { Target } from "../target.ts";
import { residentMb } from "../usage.ts";

/** How many pairs, and how many messages each has under way. */
export interface PairsLoad {
  readonly pairs: number;
  readonly inFlight: number;
  /** Whether receivers confirm what they get; the relay knows no receipts. */
  readonly receipts?: boolean;
}

const LOADS: readonly PairsLoad[] = [
  { pairs: 1, inFlight: 1 },
  { pairs: 100, inFlight: 1 },
  { pairs: 300, inFlight: 4 },
  { pairs: 300, inFlight: 4, receipts: true },
];

/** One-to-one messages, on the relay and on every server; the ratio is to the relay under the same load. */
export const chat: Scenario = {
  name: "chat",
  about: "one-to-one messages per second",
  async *run(bench) {
    const targets = [await bench.world.relay(), ...await bench.world.servers()];
    let floor = 0;
    for (const load of LOADS) {
      const what = `1:1, ${load.pairs} × ${load.inFlight}${load.receipts ? ", receipts" : ""}`;
      bench.say(what);
      const measured = await inTurn(load.receipts ? targets.slice(1) : targets, {
        repeat: bench.options.repeat,
        once: (target) => measurePairs(bench, { target, load }),
      });
      // With receipts the ratio is to the load before it, which is the same without.
      if (!load.receipts) floor = median(measured[0]!.runs.map((run) => run.perSecond));
      for (const { target, runs } of measured) {
        yield resultOf(runs, { what, on: target.name, unit: "messages/s", floor });
      }
    }
    for (const { name, pids } of targets) {
      yield { what: "resident after it", on: name, value: residentMb(pids.server), unit: "MB" };
    }
  },
};

/** One repetition of one load on one target. */
export function measurePairs(bench: Bench, { target, load }: { target: Target; load: PairsLoad }) {
  const { ports, acknowledged } = target;
  const { pairs, inFlight, receipts = false } = load;
  return bench.measure(target, () =>
    Load.start("pairs", {
      settings: { ports, pairs: pairsOf(PEOPLE.pairs, pairs), inFlight, acknowledged, receipts },
      signal: bench.signal,
    }));
}
