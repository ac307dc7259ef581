// deno-lint-ignore-file no-console -- says how much was tried
import type { NewMessage } from "../../server/stores/store.ts";
import { CASES, pairPlace, type Wish } from "./interleavings/cases.ts";
import { type Script, SqliteWorld } from "./interleavings/sqlite_world.ts";
import { type Stop, STOPS } from "./interleavings/stoppable_database.ts";

/** `SQLITE_SCHEDULE='case: AA,BB file - ahead 12 killed after'` runs this one alone, as a failure prints it. */
const given = Deno.env.get("SQLITE_SCHEDULE");

/** All orders of two lists, each in its own order: which of the two is next. */
function orders(one: number, two: number): string[] {
  if (one + two === 0) return [""];
  return [
    ...one > 0 ? orders(one - 1, two).map((rest) => "A" + rest) : [],
    ...two > 0 ? orders(one, two - 1).map((rest) => "B" + rest) : [],
  ];
}

/** All ways to cut a text into parts. */
function cuts(text: string): string[] {
  if (text.length < 2) return [text];
  return cuts(text.slice(1)).flatMap((rest) => [`${text[0]}${rest}`, `${text[0]},${rest}`]);
}

/** After which batches messages are filed: none, each, the first one, the last one. */
const FILING: Record<string, (batch: number, count: number) => boolean> = {
  "-": () => false,
  "each": () => true,
  "first": (batch) => batch === 0,
  "last": (batch, count) => batch === count - 1,
};

/** The script that a text means: `AA,B,B first ahead`. */
function scriptOf(text: string, wishes: readonly [readonly Wish[], readonly Wish[]]): Script {
  const [order, filing, ahead] = text.split(" ");
  const left = wishes.map((some) => [...some] as NewMessage[]);
  const batches = order!.split(",").map((batch) =>
    [...batch].map((who) => {
      const node = "AB".indexOf(who);
      return { node, entry: left[node]!.shift()! };
    })
  );
  return {
    batches,
    files: batches.map((_, i) => FILING[filing!]!(i, batches.length)),
    ahead: ahead === "ahead",
  };
}

for (const tried of CASES.filter(({ name }) => name.endsWith("cold, together"))) {
  const name = tried.name.replace(", cold, together", "");
  Deno.test({
    name: `SQLite, all interleavings of two writers, stopped at every statement: ${name}`,
    ignore: given !== undefined && !given.startsWith(`${name}: `),
    fn: async () => {
      await using world = await SqliteWorld.open(3);
      const [one, two] = [pairPlace(1, 2), pairPlace(1, 3)];
      const convs = [one.conv, two.conv];
      const wishes = tried.wishes(one, two);
      const attempt = async (text: string, stop?: { at: number; how: Stop }) => {
        try {
          const run = await world.run(scriptOf(text, wishes), stop);
          const isKilled = stop?.how.startsWith("killed");
          await world.judge(run, convs);
          return run;
        } catch (error) {
          const schedule = `${name}: ${text}${stop ? ` ${stop.at} ${stop.how}` : ""}`;
          throw new Error(`failed with SQLITE_SCHEDULE='${schedule}'`, { cause: error });
        }
      };
      if (given !== undefined) {
        const [, text, at, how] = /: (\S+ \S+ \S+)(?: (\d+) (.*))?$/.exec(given)!;
        return void await attempt(text!, at === undefined ? undefined : { at: Number(at), how: how as Stop });
      }
      const began = Date.now();
      const counts = { scripts: 0, stops: 0, known: 0 };
      /** What a killed process had done, since nothing else matters then. */
      const known = new Set<string>();
      for (const order of orders(2, 2).flatMap(cuts)) {
        for (const filing of Object.keys(FILING)) {
          for (const ahead of ["ahead", "-"]) {
            const text = `${order} ${filing} ${ahead}`;
            const { statements } = await attempt(text);
            counts.scripts++;
            for (let at = 0; at < statements.length; at++) {
              for (const how of STOPS) {
                const done = `${how} ${ahead} ${JSON.stringify(statements.slice(0, at + 1))}`;
                if (how !== "refused" && known.has(done)) {
                  counts.known++;
                  continue;
                }
                known.add(done);
                await attempt(text, { at, how });
                counts.stops++;
              }
            }
          }
        }
      }
      const took = ((Date.now() - began) / 1000).toFixed(1);
      console.log(
        `${name}: ${counts.scripts} scripts, stopped in ${counts.stops} ways (${counts.known} more were known), ${took} s`,
      );
    },
  });
}
