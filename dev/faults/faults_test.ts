// deno-lint-ignore-file no-console -- what was broken, and by which seed, belongs into the log of CI
import { assert, assertEquals } from "@std/assert";
import { haveServices } from "../services.ts";
import { FAULTS } from "./catalogue.ts";
import { randomSeed } from "./random.ts";
import { runFaults } from "./run.ts";
import { table, verdict } from "./table.ts";

const have = await haveServices();
const SEED = Deno.env.get("FAULT_SEED");
const DURATION = 60_000;

Deno.test("every fault at random, for a minute: nothing is lost", { ignore: !have.ok }, async () => {
  const seed = SEED === undefined ? randomSeed() : Number(SEED);
  const progress = (line: string) => console.info(line);
  progress(`FAULT_SEED=${seed}`);
  const report = await runFaults({ seed, duration: DURATION, faults: FAULTS, progress });
  progress(table(report));
  assertEquals(verdict(report), "", `FAULT_SEED=${seed}`);
  assert(report.total.acknowledged > 1000, `only ${report.total.acknowledged} were acknowledged`);
});
