import { fillGroup } from "../fill.ts";
import { Load } from "../load.ts";
import { inTurn } from "../measure.ts";
import { GROUPS, idsOf, PEOPLE } from "../population.ts";
import { resultOf } from "../result.ts";
import type { Scenario } from "../scenario.ts";

const LIMIT = 50;

/** Pages from anywhere in a long conversation, read by all its members. */
export const history: Scenario = {
  name: "history",
  about: `pages of ${LIMIT} messages per second`,
  async *run(bench) {
    const { world, sizes, options, signal } = bench;
    const messages = sizes.historyMessages;
    const members = PEOPLE.readers;
    const what = `pages of ${LIMIT} of ${messages}, ${members.count} connections`;
    bench.say(what);
    const fill = (filler: Parameters<typeof fillGroup>[0]) =>
      fillGroup(filler, { group: GROUPS.history, members, messages });
    await using own = new AsyncDisposableStack();
    const targets = [own.use(await world.onSqlite(fill))];
    if (world.withServices) targets.push(own.use(await world.onMariaDb(fill)));
    const measured = await inTurn(targets, {
      repeat: options.repeat,
      once: (target) =>
        bench.measure(target, () =>
          Load.start("history", {
            settings: {
              ports: target.ports,
              users: idsOf(members),
              conv: `g${GROUPS.history}`,
              messages,
              limit: LIMIT,
            },
            signal,
          })),
    });
    for (const { target, runs } of measured) {
      yield resultOf(runs, { what, on: target.name, unit: "pages/s" });
    }
  },
};
