import { pairOf } from "./pair.ts";
import type { Random } from "./random.ts";
import { whereabouts, type World } from "./world.ts";

const LOOK_EVERY = 50;
/** Users that one node may have more than the other before some are asked to come back. */
const IMBALANCE = 6;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Polls a condition; false if it did not hold in time. */
export async function eventually(ms: number, condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await pause(LOOK_EVERY);
  }
  return true;
}

/**
 * Waits until every user could reach one on the other node, each by a message that queues behind all that the user
 * wrote before. The time it took, in ms; whoever could not is a violation.
 */
export async function recover(world: World, random: Random): Promise<number> {
  const { crowd, score, now, patience } = world;
  const began = now();
  const left = () => patience - (now() - began);
  await eventually(patience, () => crowd.clients.every((client) => client.ready));
  const nodes = await whereabouts(world);
  const missing = new Set<string>();
  for (const client of crowd.clients) {
    const others = crowd.clients.filter((other) => other !== client);
    const away = others.filter((other) => nodes.get(other.id) !== nodes.get(client.id));
    const to = random.pick(away.length > 0 ? away : others);
    const mid = client.write({ conv: pairOf(client.id, to.id), toid: to.id });
    missing.add(mid);
    world.journal.whenShown(mid, to.id).then(() => missing.delete(mid));
  }
  if (!await eventually(left(), () => missing.size === 0)) {
    for (const mid of missing) {
      const { conv = "", acknowledged } = world.journal.get(mid) ?? {};
      const where = `${acknowledged ? "acknowledged, but not shown" : "not acknowledged"} within ${
        patience / 1000
      } s after the fault was over`;
      score.violate({ flaw: "not recovered", conv, seq: undefined, mid, where });
    }
  }
  return now() - began;
}

/** Asks some users to come back if one node has most of them: then few messages would cross. */
export async function rebalance(world: World, random: Random): Promise<void> {
  const nodes = await whereabouts(world);
  const byNode = Map.groupBy(world.crowd.clients, ({ id }) => nodes.get(id) ?? "");
  const crowded = [...byNode.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  const surplus = crowded.length - (world.crowd.clients.length - crowded.length);
  if (surplus <= IMBALANCE) return;
  // Not all at once: the balancer sends each to the node that has fewest.
  for (const client of random.shuffled(crowded).slice(0, Math.floor(surplus / 2))) {
    client.leave();
    await pause(LOOK_EVERY);
  }
  await eventually(world.patience, () => world.crowd.clients.every((client) => client.ready));
}
