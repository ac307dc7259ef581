import { idsOf, PEOPLE } from "../population.ts";
import type { Bench } from "../scenario.ts";
import { fileLimit } from "../usage.ts";

/** What a process has open beside its connections, and connections of others than the crowd. */
const SPARE_FILES = 200;

/**
 * The crowd's users, as many as there is room for.
 * @param options `nodes`: how many servers they spread over. `each`: how many connections a user has at once.
 */
export function crowdThatFits(bench: Bench, { nodes, each }: { nodes: number; each: number }): number[] {
  const room = nodes * Math.floor(Math.max(0, fileLimit() - SPARE_FILES) / each);
  const wanted = bench.sizes.crowd;
  if (wanted > room) {
    bench.say(`only ${room} users instead of ${wanted}: a process may have ${fileLimit()} files open`);
  }
  return idsOf({ first: PEOPLE.crowd.first, count: Math.min(wanted, room) });
}
