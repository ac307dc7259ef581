import { Load } from "../load.ts";
import { inTurn } from "../measure.ts";
import { pairsOf, PEOPLE } from "../population.ts";
import { resultOf } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";

/** One pair alone shows what a message costs the database when no other message shares a statement with it. */
const LOADS = [
  { pairs: 1, receipts: false },
  { pairs: 100, receipts: false },
  { pairs: 100, receipts: true },
];

/** Both of each pair write, each as an answer; the ratio is to the relay under the same load. */
export const dialogue: Scenario = {
  name: "dialogue",
  about: "messages per second of pairs who answer each other, without and with receipts",
  async *run(bench) {
    const [relay, servers] = [await bench.world.relay(), await bench.world.servers()];
    let floor = 0;
    for (const { pairs, receipts } of LOADS) {
      const what = `dialogue, ${pairs} ${pairs === 1 ? "pair" : "pairs"}${receipts ? ", receipts" : ""}`;
      bench.say(what);
      // The relay knows no receipts.
      const measured = await inTurn(receipts ? servers : [relay, ...servers], {
        repeat: bench.options.repeat,
        once: (target) => {
          const { ports, acknowledged } = target;
          const settings = { ports, pairs: pairsOf(PEOPLE.pairs, pairs), acknowledged, receipts };
          return bench.measure(target, () => Load.start("dialogue", { settings, signal: bench.signal }));
        },
      });
      // With receipts the ratio is to the load before it, which is the same without.
      if (!receipts) floor = median(measured[0]!.runs.map((run) => run.perSecond));
      for (const { target, runs } of measured) {
        yield resultOf(runs, { what, on: target.name, unit: "messages/s", floor });
      }
    }
  },
};
