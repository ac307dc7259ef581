// deno-lint-ignore-file no-console -- says how much was tried
import { Random, randomSeed } from "../faults/random.ts";
import { haveServices } from "../services.ts";
import { type Case, CASES } from "./interleavings/cases.ts";
import { World } from "./interleavings/world.ts";

const services = await haveServices();

/** `INTERLEAVINGS=all`: all schedules of all cases, also with the connection lost at each point: hours. */
const IS_FULL = Deno.env.get("INTERLEAVINGS") === "all";
/** `SCHEDULE='case: A B A<'` runs this one alone, as a failure prints it. */
const [ONLY, SCHEDULE] = Deno.env.get("SCHEDULE")?.split(/: (?=[^:]*$)/) ?? [];

/** Cases with no more than a hundred schedules or two while no connection is lost: all of them are run each time. */
const QUICK = new Set([
  "one conversation, cold, in turn",
  "one conversation, cold, together",
  "one conversation, warm, in turn",
  "the same messages, cold, in turn",
  "the same messages, warm, in turn",
  "each other's conversation, cold, in turn",
  "each other's conversation, warm, together",
  "accepting and refusing, cold, in turn",
  "editing and recalling, cold, in turn",
  "a group, and joining it, cold, in turn",
]);
/** Schedules of each case that are drawn by lot, with a connection lost somewhere in most of them. */
const DRAWN = 8;

/** Schedules that have failed, by what holds since then. */
const FOUND = {
  "a node that freezes when a key has refused its row locks nobody out":
    "the same messages, contended, in turn: A1 A1 B1 B1 A1 B1 A1 A1 A1",
  "a node that stops while a conversation begins leaves none whose members nobody knows":
    "one conversation, cold, in turn: A A A>>",
};

const caseOf = (name: string) => CASES.find((one) => one.name === name)!;

/** Runs what is to be run of one case, and says how much it was. */
async function runAll(world: World, tried: Case): Promise<void> {
  const began = Date.now();
  const took = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
  for (const losing of IS_FULL ? [[], ["A"]] : QUICK.has(tried.name) ? [[]] : []) {
    const { schedules, repeated, orders } = await world.explore(tried, { losing });
    const what = losing.length > 0 ? "with a connection lost" : `for ${orders} orders`;
    console.log(`${tried.name}: ${schedules} schedules, ${what}; ${repeated} came to the same, ${took()}`);
  }
  if (IS_FULL) return;
  const seed = Number(Deno.env.get("SEED") ?? randomSeed());
  await world.sample(tried, { count: DRAWN, random: new Random(seed), losing: ["A"] });
  console.log(`${tried.name}: ${DRAWN} schedules drawn by lot, SEED=${seed}, ${took()}`);
}

Deno.test({
  name: "MariaDB, all interleavings of two nodes",
  ignore: !services.ok,
  fn: async (t) => {
    await using world = await World.open();
    if (ONLY !== undefined) return await world.replay(caseOf(ONLY), SCHEDULE!);
    for (const tried of CASES) await t.step(tried.name, () => runAll(world, tried));
    for (const [name, schedule] of Object.entries(FOUND)) {
      const [of, moves] = schedule.split(": ");
      await t.step(name, () => world.replay(caseOf(of!), moves!));
    }
  },
});
