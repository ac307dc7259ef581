import { assert, assertEquals } from "@std/assert";
import { storeContract } from "../../server/stores/contract_suite.ts";
import { devicesContract } from "../../server/stores/devices_contract_suite.ts";
import { randomSeed } from "../faults/random.ts";
import { Database } from "./database.ts";
import { isFine, simulate } from "./run.ts";
import { scheduleOf } from "./schedule.ts";
import { SimulatedStore } from "./store.ts";
import { Machine, World } from "./world.ts";

/** How many schedules the tests run; SIMULATIONS has another number. */
const SIMULATIONS = Number(Deno.env.get("SIMULATIONS") ?? 300);

const simulated = () => {
  const world = new World({ seed: 1 });
  const database = new Database({ name: "n".repeat(12), secret: "s".repeat(43), log: "l".repeat(12) });
  const machine = new Machine(world, "node");
  machine.stepClock(Date.now() - machine.system.now());
  const { store } = new SimulatedStore(world, {
    machine,
    database,
    faults: () => ({ before: 0, after: 0, slow: 0 }),
    onOlder: () => {},
  });
  // Simulated time goes on while the test waits.
  let isOver = false;
  const running = (async () => {
    while (!isOver) await world.run(world.now + 100);
  })();
  return Promise.resolve({
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      isOver = true;
      await running;
    },
  });
};
storeContract("a simulated machine", simulated);
devicesContract("a simulated machine", simulated);

Deno.test("simulation: the same seed leads to the same trace, byte for byte", async () => {
  const first = randomSeed() % 1_000_000_000;
  for (let seed = first; seed < first + 20; seed++) {
    const traces = [];
    for (let run = 0; run < 2; run++) {
      const lines: string[] = [];
      const { history } = await simulate(scheduleOf(seed, { seconds: 20 }), {
        trace: (line) => lines.push(line),
      });
      traces.push(lines.join("\n") + JSON.stringify(history));
    }
    assert(traces[0]!.length > 1000, `seed ${seed}: nothing happens`);
    assert(traces[0] === traces[1], `seed ${seed}: two runs differ`);
  }
});

Deno.test(`simulation: ${SIMULATIONS} schedules, and nothing that a chat server may not do`, async () => {
  const first = randomSeed() % 1_000_000_000;
  for (let seed = first; seed < first + SIMULATIONS; seed++) {
    const outcome = await simulate(scheduleOf(seed));
    const { verdict, wrong } = outcome;
    assertEquals(
      isFine(outcome),
      true,
      `deno task simulate --seeds 1 --seed ${seed}\n${wrong.join("\n")}\n${verdict.text}`,
    );
  }
});
