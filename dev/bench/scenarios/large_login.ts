import { fillAccounts } from "../fill.ts";
import { Load } from "../load.ts";
import type { LargeLogin } from "../load/large_login.ts";
import { ACCOUNTS, idsOf, PEOPLE } from "../population.ts";
import type { Result } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import type { Fill } from "../world.ts";

/** What a login leaves for later takes less than this, ms. */
const AFTERWARDS = 3000;
const [OFTEN, WIDELY, NEIGHBOUR] = idsOf(PEOPLE.large) as [number, number, number];
const LOGINS = [
  { user: OFTEN, what: `of ${ACCOUNTS.groups} groups` },
  { user: WIDELY, what: `in ${ACCOUNTS.wideGroups} groups of ${ACCOUNTS.members}` },
];

/** The login of accounts that hold very much, and what somebody else notices of it. */
export const largeLogin: Scenario = {
  name: "large-login",
  about: "the login of a user with 50,000 groups, and of one in 20 groups of 5,000",
  async *run(bench) {
    const { world, options, signal } = bench;
    const fill: Fill = (filler) => fillAccounts(filler);
    for (const store of world.withServices ? ["onSqlite", "onMariaDb"] as const : ["onSqlite"] as const) {
      bench.say(`large accounts: filling, ${store}`);
      await using server = await world[store](fill);
      for (const { user, what } of LOGINS) {
        const settings = { port: server.ports[0], user, neighbour: NEIGHBOUR, afterwards: AFTERWARDS };
        await using load = await Load.start("large_login", { settings, signal });
        const runs: LargeLogin[] = [];
        for (let i = 0; i < options.repeat; i++) runs.push(await load.ask<LargeLogin>("round"));
        const result = (what: string, key: keyof LargeLogin, unit: string): Result => ({
          what,
          on: server.name,
          value: median(runs.map((run) => run[key])),
          unit,
          runs: runs.map((run) => run[key]),
        });
        yield result(`login of a user ${what}`, "login", "ms");
        yield result(`the longest wait of another one, user ${what}`, "neighbour", "ms");
        yield result(`answer to a user ${what}`, "size", "characters");
      }
    }
  },
};
