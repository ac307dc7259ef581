// deno-lint-ignore-file no-console -- says how much was tried
import { haveServices } from "../services.ts";
import { CASES } from "./interleavings/cases.ts";
import { World } from "./interleavings/world.ts";

const services = await haveServices();

/** `SCHEDULE='case: A B A<'` runs this one alone, as a failure prints it. */
const [only, schedule] = Deno.env.get("SCHEDULE")?.split(/: (?=[^:]*$)/) ?? [];

for (const tried of CASES) {
  Deno.test({
    name: `MariaDB, all interleavings of two nodes: ${tried.name}`,
    ignore: !services.ok || (only !== undefined && only !== tried.name),
    fn: async () => {
      await using world = await World.open();
      if (schedule !== undefined) return await world.replay(tried, schedule);
      for (const losing of [[], ["A"]]) {
        const began = Date.now();
        const { schedules, repeated, orders } = await world.explore(tried, { losing });
        const took = ((Date.now() - began) / 1000).toFixed(1);
        console.log(
          `${tried.name}${
            losing.length ? ", connection lost" : ""
          }: ${schedules} schedules (for ${orders} orders; ${repeated} came to the same as others), ${took} s`,
        );
      }
    },
  });
}
