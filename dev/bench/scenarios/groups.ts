import { Load } from "../load.ts";
import { inTurn } from "../measure.ts";
import { GROUPS, idsOf, PEOPLE } from "../population.ts";
import { resultOf } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import { measurePairs } from "./chat.ts";

const SENDERS = 10;
const SIZES = [
  { group: GROUPS.small, members: PEOPLE.smallGroup },
  { group: GROUPS.large, members: PEOPLE.largeGroup },
];

/** Deliveries in one group whose members are all online; the ratio is to the relay's one-to-one 300 × 4. */
export const groups: Scenario = {
  name: "groups",
  about: "deliveries per second in a group of 50 and of 500",
  async *run(bench) {
    const { repeat, quick } = bench.options;
    const relay = await bench.world.relay();
    const floors = await inTurn([relay], {
      repeat,
      once: (target) => measurePairs(bench, { target, load: { pairs: 300, inFlight: 4 } }),
    });
    const floor = median(floors[0]!.runs.map((run) => run.perSecond));
    for (const { group, members } of SIZES) {
      for (const inFlight of quick ? [4] : [1, 4]) {
        const what = `group of ${members.count}, ${SENDERS} × ${inFlight}`;
        bench.say(what);
        const measured = await inTurn(await bench.world.servers(), {
          repeat,
          once: (target) =>
            bench.measure(target, () =>
              Load.start("group", {
                settings: { ports: target.ports, group, members: idsOf(members), senders: SENDERS, inFlight },
                signal: bench.signal,
              })),
        });
        for (const { target, runs } of measured) {
          yield resultOf(runs, { what, on: target.name, unit: "deliveries/s", floor });
        }
      }
    }
  },
};
