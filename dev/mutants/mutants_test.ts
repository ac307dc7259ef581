import { assert, assertEquals } from "@std/assert";
import { changed } from "./build.ts";
import { MUTANTS } from "./catalogue.ts";
import { hunt } from "./hunt.ts";

/** They are noticed within a few schedules; all others are for `deno task mutants`. */
const QUICK = [
  "group entry before its join",
  "idempotence for 30 s only",
  "push out of order",
  "receipts to non-members",
  "two sessions after a takeover",
  "client: nothing is sent again after an older log",
];
const SEEDS = 60;

Deno.test("mutants: each one still fits the sources, and has a name of its own", async () => {
  for (const mutant of MUTANTS) assert((await changed(mutant)).size > 0, mutant.name);
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

for (const name of QUICK) {
  Deno.test(`mutants: noticed is "${name}"`, async () => {
    const mutant = MUTANTS.find((one) => one.name === name);
    if (!mutant) throw new Error(`there is no mutant ${name}`);
    const { killedBy, after, said } = await hunt(mutant, { seed: 1, seeds: SEEDS });
    assert(killedBy !== undefined, `survives ${after}\n${said}`);
  });
}
