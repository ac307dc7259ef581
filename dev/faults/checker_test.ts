import { assert, assertEquals } from "@std/assert";
import { haveServices } from "../services.ts";
import { FAULTS } from "./catalogue.ts";
import { build } from "../mutants/build.ts";
import { type Mutant, MUTANTS } from "./mutants.ts";
import { randomSeed } from "./random.ts";
import { type Report, runFaults } from "./run.ts";
import type { Flaw } from "./score.ts";
import { SOURCES } from "./sources.ts";
import { verdict } from "./table.ts";

const have = await haveServices();
/** With FAULT_MUTANTS=all, those too that take long. */
const ALL = Deno.env.get("FAULT_MUTANTS") === "all";

/** For how long one run breaks a broken server, in ms, and how many runs that one may survive. */
const RUN = 4000;
const RUNS = 4;
/** What is lost there is not waited for long, in ms. */
const PATIENCE = 6000;

async function faults(
  names: readonly string[],
  options: {
    duration: number;
    sources?: string;
    stopAtFirst?: boolean;
    throwaway?: boolean;
    patience?: number;
  },
): Promise<Report> {
  const chosen = FAULTS.filter(({ name }) => names.includes(name));
  assertEquals(chosen.length, names.length);
  return await runFaults({ ...options, seed: randomSeed(), faults: chosen, progress: () => {} });
}

/** Whether the suite finds one of these flaws in a broken server. */
async function catches(
  mutant: Mutant,
  { by, as }: { by: readonly string[]; as: readonly Flaw[] },
): Promise<void> {
  await using broken = await build(mutant, SOURCES);
  const seen: string[] = [];
  for (let run = 0; run < RUNS; run++) {
    const report = await faults(by, {
      duration: RUN,
      patience: PATIENCE,
      sources: broken.folder,
      stopAtFirst: true,
      throwaway: true,
    });
    if (report.violations.some(({ flaw }) => as.includes(flaw))) return;
    seen.push(`seed ${report.seed}: ${verdict(report) || "nothing"}`);
  }
  assert(false, `the suite did not notice: ${mutant.name}\n${seen.join("\n")}`);
}

Deno.test("the checker: a server that does what it says passes", { ignore: !have.ok }, async () => {
  const report = await faults(["kill-node", "restart-redis", "lose-acks"], { duration: 10_000 });
  assertEquals(verdict(report), "", `seed ${report.seed}`);
  assert(report.total.acknowledged > 500, `only ${report.total.acknowledged} were acknowledged`);
});

Deno.test(
  "the checker: notices acknowledgements before the commit",
  { ignore: !have.ok },
  () => catches(MUTANTS.ackBeforeCommit, { by: ["kill-node"], as: ["lost", "gap", "moved", "ends differ"] }),
);

Deno.test(
  "the checker: notices that what the bus lost is not looked for",
  { ignore: !have.ok },
  () =>
    catches(MUTANTS.noHealing, {
      by: ["cut-pubsub", "restart-redis"],
      as: ["gap", "ends differ", "shown late"],
    }),
);

if (ALL) {
  Deno.test(
    "the checker: notices that a message sent again is stored again",
    { ignore: !have.ok },
    () => catches(MUTANTS.noIdempotence, { by: ["lose-acks"], as: ["stored twice"] }),
  );

  Deno.test(
    "the checker: notices that a session is served that another one has replaced",
    { ignore: !have.ok },
    () => catches(MUTANTS.noFencing, { by: ["freeze-node"], as: ["served on"] }),
  );
}
