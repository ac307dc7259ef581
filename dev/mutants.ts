// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Breaks the product on purpose, in one way after the other, and looks whether the checks notice: `deno task mutants`.
 * Exits with 1 if a mutant survives: then the checks have a hole. See `dev/mutants/README.md`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { MUTANTS } from "./mutants/catalogue.ts";
import { type Hunt, hunt } from "./mutants/hunt.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { table } from "./mutants/table.ts";

const USAGE = `usage: deno task mutants [flags]

  --only TEXT    mutants with this in their name
  --seeds N      how many simulated schedules one may survive (300)
  --seed S       the first of them (1)
  --list         print the names, and exit
  --help         print this, and exit`;

interface Options {
  readonly mutants: readonly Mutant[];
  readonly seed: number;
  readonly seeds: number;
  readonly isList: boolean;
}

/** @throws {RangeError} whose message is for the person who typed. */
function readArgs(args: readonly string[]): Options | "help" {
  const flags: Record<string, unknown> = parseArgs([...args], {
    string: ["only", "seeds", "seed"],
    boolean: ["list", "help"],
    default: { only: "", seeds: "300", seed: "1" },
    unknown: (arg: string) => {
      throw new RangeError(`unknown argument ${arg}`);
    },
  });
  if (flags.help) return "help";
  const [seed, seeds] = [Number(flags.seed), Number(flags.seeds)];
  if (!Number.isInteger(seed) || seed < 0) throw new RangeError("--seed must be a whole number");
  if (!Number.isInteger(seeds) || seeds < 1) throw new RangeError("--seeds must be a whole number above 0");
  const only = String(flags.only);
  const mutants = MUTANTS.filter(({ name }) => name.includes(only));
  if (mutants.length === 0) throw new RangeError(`no mutant has "${only}" in its name; --list prints them`);
  return { mutants, seed, seeds, isList: flags.list === true };
}

async function main(args: readonly string[]): Promise<number> {
  let options;
  try {
    options = readArgs(args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    return 2;
  }
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  const { mutants, isList } = options;
  if (isList) {
    for (const { name } of mutants) console.log(name);
    return 0;
  }
  const hunts: Hunt[] = [];
  for (const mutant of mutants) {
    const one = await hunt(mutant, options);
    hunts.push(one);
    const { killedBy, after, seconds, said } = one;
    const fate = killedBy === undefined ? `SURVIVES ${after}` : `${killedBy}, after ${after}`;
    console.log(`${mutant.name}: ${fate} (${seconds.toFixed(1)} s)${said && `\n${said}`}`);
  }
  console.log(`\n${table(hunts)}`);
  const survivors = hunts.filter(({ killedBy }) => killedBy === undefined).length;
  console.log(survivors === 0 ? "\nno mutant survives" : `\n${survivors} of ${hunts.length} mutants survive`);
  return survivors === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
