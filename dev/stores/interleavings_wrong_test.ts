import { assertMatch, assertRejects } from "@std/assert";
import { Random, randomSeed } from "../faults/random.ts";
import { haveServices } from "../services.ts";
import { CASES } from "./interleavings/cases.ts";
import { World } from "./interleavings/world.ts";
import { type Fault, openWrong } from "./interleavings/wrong_node.ts";

const services = await haveServices();

const tried = CASES.find(({ name }) => name === "one conversation, cold, in turn")!;

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !services.ok, fn });

/** What is wrong with the first schedule that fails. */
const FINDS: Record<Exclude<Fault, "none">, RegExp> = {
  "replaces": /is acknowledged as|numbers without holes/,
  "stores again": /is acknowledged as|is there once in the end/,
  "acknowledges without an answer": /is acknowledged as/,
  "counts too early": /numbers without holes/,
};

for (const [fault, finds] of Object.entries(FINDS)) {
  test(`interleavings find a node that ${fault}, and the schedule that they print finds it again`, async () => {
    await using world = await World.open(openWrong(fault as Fault));
    const found = await assertRejects(() => world.explore(tried, { losing: ["A"] }), Error, "SCHEDULE=");
    assertMatch(`${(found.cause as Error).message}`, finds);
    const schedule = /SCHEDULE='[^:]*: ([^']*)'/.exec(found.message)![1]!;
    const again = await assertRejects(() => world.replay(tried, schedule), Error, "SCHEDULE=");
    assertMatch(`${(again.cause as Error).message}`, finds);
  });
}

test("interleavings find nothing wrong with a simple node that is right", async () => {
  await using world = await World.open(openWrong("none"));
  const seed = Number(Deno.env.get("SEED") ?? randomSeed());
  try {
    await world.sample(tried, { count: 40, random: new Random(seed), losing: ["A"] });
  } catch (error) {
    throw new Error(`failed with SEED=${seed}`, { cause: error });
  }
});
