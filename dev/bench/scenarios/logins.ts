import { Load } from "../load.ts";
import { inTurn } from "../measure.ts";
import { idsOf, PEOPLE } from "../population.ts";
import { resultOf } from "../result.ts";
import type { Scenario } from "../scenario.ts";

/** Passwords keep every processor busy with a few; more would only wait. */
const CONNECTIONS = { password: 8, token: 50 } as const;

/** Logins and logouts in a closed loop, with the password hash that the server makes by default. */
export const logins: Scenario = {
  name: "logins",
  about: "logins per second by password and by token",
  async *run(bench) {
    for (const by of ["password", "token"] as const) {
      const first = by === "password" ? 0 : CONNECTIONS.password;
      const users = idsOf(PEOPLE.logins).slice(first, first + CONNECTIONS[by]);
      const what = `login by ${by}, ${users.length} connections`;
      bench.say(what);
      const measured = await inTurn(await bench.world.servers(), {
        repeat: bench.options.repeat,
        once: (target) =>
          bench.measure(target, () =>
            Load.start("logins", {
              settings: { ports: target.ports, users, by },
              signal: bench.signal,
            })),
      });
      for (const { target, runs } of measured) {
        yield resultOf(runs, { what, on: target.name, unit: "logins/s" });
      }
    }
  },
};
