import { fillBacklog } from "../fill.ts";
import { Load } from "../load.ts";
import type { CatchUp } from "../load/catch_up.ts";
import { PEOPLE } from "../population.ts";
import type { Result } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import type { Fill } from "../world.ts";

const SIZE = 60_000;
/** The stranger's conversation comes before the friend's by its name. */
const [STRANGER, READER, FRIEND] = [0, 1, 2].map((i) => PEOPLE.backlog.first + i) as [number, number, number];

/** How long a friend's messages take to somebody who has just come back to a long backlog of somebody else's. */
export const catchUp: Scenario = {
  name: "catch-up",
  about: `the longest of a friend's messages while 300 × ${SIZE / 1000} KB of a stranger's are caught up`,
  async *run(bench) {
    const { world, options, sizes, signal } = bench;
    const messages = sizes.backlog;
    const fill: Fill = (filler) => fillBacklog(filler, { from: STRANGER, to: READER, messages, size: SIZE });
    for (const store of world.withServices ? ["onSqlite", "onMariaDb"] as const : ["onSqlite"] as const) {
      await using server = await world[store](fill);
      bench.say(`catch-up, ${server.name}`);
      const settings = { port: server.ports[0], reader: READER, friend: FRIEND, waiting: messages };
      await using load = await Load.start("catch_up", { settings, signal });
      const runs: CatchUp[] = [];
      for (let i = 0; i < options.repeat; i++) runs.push(await load.ask<CatchUp>("round"));
      const result = (what: string, key: keyof CatchUp): Result => ({
        what,
        on: server.name,
        value: median(runs.map((run) => run[key])),
        unit: "ms",
        runs: runs.map((run) => run[key]),
      });
      yield result("a friend's message meanwhile", "friend");
      yield result(`${messages} × ${SIZE / 1000} KB caught up`, "all");
    }
  },
};
