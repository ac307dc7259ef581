import { scheduleOf } from "./simulate/schedule.ts";
import { isFine, simulate } from "./simulate/run.ts";
const [from = "1", count = "1"] = Deno.args;
const t = performance.now();
let simulated = 0;
for (let seed = Number(from); seed < Number(from) + Number(count); seed++) {
  const lines: string[] = [];
  const outcome = await simulate(scheduleOf(seed), {
    trace: Deno.args[2] === "trace" ? (line) => lines.push(line) : undefined!,
  });
  simulated += outcome.ended;
  if (Deno.args[2] === "trace") await Deno.writeTextFile(`/tmp/q/trace.${seed}`, lines.join("\n"));
  const { counts } = outcome.verdict;
  console.log(
    seed,
    isFine(outcome) ? "fine" : "NOT FINE",
    `${outcome.ended / 1000} s`,
    `sent ${counts.sent} ok ${counts.acknowledged} entries ${counts.entries} unproven ${counts.unproven} gone ${counts.gone}`,
    [...new Set(outcome.schedule.faults.map((f) => f.fault.kind))].join("+"),
    outcome.wrong.slice(0, 2).join("; "),
  );
  if (!isFine(outcome)) console.log(outcome.verdict.text.slice(0, 1500));
}
console.log(`${Math.round(performance.now() - t)} ms, ${Math.round(simulated / 1000)} s simulated`);
