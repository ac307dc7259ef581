// deno-lint-ignore-file no-console -- the seed belongs into the log of CI
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Random, randomSeed } from "../faults/random.ts";
import { findBinary } from "../services/command.ts";
import { cutPower } from "./cut.ts";
import { readRecording } from "./recording.ts";
import { commandOf, runPower, SHORT } from "./run.ts";
import { table, verdict } from "./table.ts";

const POWER = new URL("../power.ts", import.meta.url).pathname;
const SEED = Deno.env.get("POWER_SEED");
/** strace is for Linux only; in CI it must be there. */
const ignore = await findBinary("strace") === undefined && Deno.env.get("CI") !== "true";

async function power(args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", POWER, ...args],
    env,
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("power: no acknowledged message is lost, and that is because of fsync", { ignore }, async () => {
  const seed = SEED === undefined ? randomSeed() : Number(SEED);
  const progress = (line: string) => console.info(line);
  progress(`POWER_SEED=${seed}`);
  const folder = await Deno.makeTempDir({ prefix: "chat-power-" });
  const options = { seed, moments: 30, durability: "full", folder, progress } as const;
  const reports = await runPower(options);
  progress(table(reports));
  // What failed is kept.
  assertEquals(verdict(reports), "", commandOf(options));
  const [report] = reports;
  assert(report!.acknowledged > 500, `only ${report!.acknowledged} were acknowledged`);
  assert(report!.tornFiles > 0, "no file was torn");
  const recording = await readRecording(`${folder}/${SHORT}`);
  const random = new Random(seed);
  const ignored = await cutPower(recording, { moments: 10, random, ignoreSyncs: true, progress });
  assert(ignored.lost > 0, "without fsync nothing is lost either: the check finds nothing");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("power: --durability normal loses messages, and the check says how many", { ignore }, async () => {
  const { code, out, err } = await power(["--durability", "normal", "--moments", "20"]);
  assertEquals([code, err], [1, ""], out);
  const lost = Number(/^lost (\d+) acknowledged messages, at \d+ of 20 moments$/m.exec(out)?.[1]);
  assert(lost > 0, out);
  assertMatch(out, /^seed \d+$/m);
});

Deno.test("power: what is missing or wrong is one sentence", async () => {
  const missing = await power([], { PATH: "/nonexistent" });
  assertEquals(missing.code, 1);
  assertMatch(missing.err, /^strace is not installed; .*apt-get install -y strace\n$/);
  const wrong = await power(["--moments", "0"]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.err, /^--moments must be a whole number above 0\nusage: /);
  const nothing = await power(["--recording", "/nonexistent"]);
  assertEquals(nothing.code, 1);
  assertMatch(nothing.err, /^there is no recording in \/nonexistent/);
});
