// deno-lint-ignore-file no-console -- says how much was tried
import { Random, randomSeed } from "../faults/random.ts";
import { CASES, pairPlace } from "./interleavings/cases.ts";
import { allScripts, scriptOf } from "./interleavings/sqlite_scripts.ts";
import { SqliteWorld } from "./interleavings/sqlite_world.ts";
import { type Stop, STOPS } from "./interleavings/stoppable_database.ts";

/** `INTERLEAVINGS=all`: every script, some minutes. Otherwise so many, drawn by lot. */
const COUNT = Deno.env.get("INTERLEAVINGS") === "all" ? Infinity : 6;
/** `SQLITE_SCHEDULE='case: AA,B,B first ahead 12 refused'` runs this one alone, as a failure prints it. */
const GIVEN = Deno.env.get("SQLITE_SCHEDULE");

/** Statements after which a file is no other than before. */
const changesNothing = (statement: string) => /^(?:SELECT|PRAGMA|BEGIN)\b/.test(statement);

for (const tried of CASES.filter(({ name }) => name.endsWith("cold, together"))) {
  const name = tried.name.replace(", cold, together", "");
  Deno.test({
    name: `SQLite, two writers, stopped at every statement: ${name}`,
    ignore: GIVEN !== undefined && !GIVEN.startsWith(`${name}: `),
    fn: async () => {
      await using world = await SqliteWorld.open(3);
      const [one, two] = [pairPlace(1, 2), pairPlace(1, 3)];
      const wishes = tried.wishes(one, two);
      const attempt = async (text: string, stop?: { at: number; how: Stop }) => {
        try {
          const run = await world.run(scriptOf(text, wishes), stop);
          await world.judge(run, [one.conv, two.conv]);
          return run;
        } catch (error) {
          const schedule = `${name}: ${text}${stop ? ` ${stop.at} ${stop.how}` : ""}`;
          throw new Error(`failed with SQLITE_SCHEDULE='${schedule}'`, { cause: error });
        }
      };
      if (GIVEN !== undefined) {
        const [, text, at, how] = /: (\S+ \S+ \S+)(?: (\d+) (.*))?$/.exec(GIVEN)!;
        return void await attempt(text!, at === undefined ? undefined : { at: Number(at), how: how as Stop });
      }
      const began = Date.now();
      const seed = Number(Deno.env.get("SEED") ?? randomSeed());
      const scripts = new Random(seed).shuffled(allScripts()).slice(0, COUNT);
      let stops = 0;
      /** How far processes have come that were killed: what they would have done does not matter. */
      const killed = new Set<string>();
      for (const text of scripts) {
        const { statements } = await attempt(text);
        for (const how of STOPS) {
          for (let at = 0; at < statements.length; at++) {
            const done = statements.slice(0, how === "killed after" ? at + 1 : at).filter((one) =>
              !changesNothing(one)
            );
            const state = `${how} ${text.split(" ")[2]} ${done.join("\n")}`;
            if (how !== "refused" && killed.has(state)) continue;
            killed.add(state);
            await attempt(text, { at, how });
            stops++;
          }
        }
      }
      const took = ((Date.now() - began) / 1000).toFixed(1);
      console.log(`${name}: ${scripts.length} scripts (SEED=${seed}), stopped in ${stops} ways, ${took} s`);
    },
  });
}
