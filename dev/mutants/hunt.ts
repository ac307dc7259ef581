import { build } from "./build.ts";
import { type Check, type Mutant, type Sign, SIGNS } from "./mutant.ts";

/** All that the checks run, too. */
const SOURCES = ["main.ts", "deno.json", "deno.lock", "client", "server", "sql", "dev"];
const MOMENTS = 30;

export interface Hunt {
  readonly mutant: Mutant;
  /** What has noticed the mutant; undefined if nothing has. */
  readonly killedBy: string | undefined;
  /** How many schedules, moments or tests that took. */
  readonly after: string;
  readonly seconds: number;
  /** What the check said, if it did not say what it should have. */
  readonly said: string;
}

type Found = Omit<Hunt, "mutant" | "seconds">;

/** Breaks a copy of the sources, and looks whether the check that is named notices. */
export async function hunt(mutant: Mutant, options: { seed: number; seeds: number }): Promise<Hunt> {
  const began = performance.now();
  await using broken = await build(mutant, SOURCES);
  const found = await look(mutant, { folder: broken.folder, ...options });
  return { mutant, seconds: (performance.now() - began) / 1000, ...found };
}

type Place = { readonly folder: string; readonly seed: number; readonly seeds: number };

function look({ check }: Mutant, place: Place): Promise<Found> {
  switch (check.by) {
    case "simulation":
      return simulate(check, place);
    case "power":
      return cutPower(place);
    case "test":
      return test(check, place);
  }
}

/** What `deno task simulate --json` prints. */
interface Simulated {
  readonly seeds: number;
  readonly breaches: readonly Sign[];
  readonly wrong: readonly string[];
}

/** One schedule after the other, until one shows what it should show. */
async function simulate(
  { signs, schedule }: Extract<Check, { by: "simulation" }>,
  { folder, seed, seeds }: Place,
): Promise<Found> {
  const others: string[] = [];
  for (let done = 0; done < seeds;) {
    const range = schedule
      ? ["--schedule", JSON.stringify({ seed: seed + done, ...schedule })]
      : ["--seeds", `${seeds - done}`, "--seed", `${seed + done}`];
    const { out, err } = await deno(["run", "-A", "dev/simulate.ts", "--json", ...range], folder);
    const result = parse(out, err);
    done += result.seeds;
    const seen = [...result.breaches, ...result.wrong.flatMap(signOf)];
    const found = signs.find((sign) => seen.includes(sign));
    if (found) return { killedBy: found, after: count(done, "schedule"), said: "" };
    if (seen.length + result.wrong.length > 0) {
      others.push(`seed ${seed + done - 1}: ${[...result.breaches, ...result.wrong].join("; ")}`);
    }
  }
  return { killedBy: undefined, after: count(seeds, "schedule"), said: others.join("\n") };
}

function parse(out: string, err: string): Simulated {
  try {
    return JSON.parse(out);
  } catch (error) {
    throw new Error(`the simulation printed no result: ${out}${err}`, { cause: error });
  }
}

const signOf = (wrong: string): Sign[] =>
  (Object.keys(SIGNS) as (keyof typeof SIGNS)[]).filter((sign) => wrong.startsWith(SIGNS[sign]));

async function cutPower({ folder }: Place): Promise<Found> {
  const { code, out, err } = await deno(["run", "-A", "dev/power.ts", "--moments", `${MOMENTS}`], folder);
  const lost = code === 1 && /^lost \d+ acknowledged messages/m.test(out);
  return {
    killedBy: lost ? "power: acknowledged messages lost" : undefined,
    after: count(MOMENTS, "moment"),
    said: lost ? "" : out + err,
  };
}

async function test({ file, name }: { file: string; name: string }, { folder }: Place): Promise<Found> {
  const args = ["test", "-A", "--no-check", "--filter", name, file];
  const { code, out, err } = await deno(args, folder);
  const failed = code !== 0 && / \| 1 failed/.test(out);
  return {
    killedBy: failed ? `${file}: ${name}` : undefined,
    after: count(1, "test"),
    said: failed ? "" : out + err,
  };
}

async function deno(args: readonly string[], folder: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
