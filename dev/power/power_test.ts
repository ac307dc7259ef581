// deno-lint-ignore-file no-console -- the seed belongs into the log of CI
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Random, randomSeed } from "../faults/random.ts";
import { findBinary } from "../services/command.ts";
import { readRecording, record } from "./recording.ts";
import { cutPower } from "./run.ts";
import { table, verdict } from "./table.ts";

const POWER = new URL("../power.ts", import.meta.url).pathname;
const SEED = Deno.env.get("POWER_SEED");
/** Elsewhere than on Linux there is no strace; in CI it must be there. */
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
  console.info(`POWER_SEED=${seed}`);
  const random = new Random(seed);
  const progress = (line: string) => console.info(line);
  const folder = await Deno.makeTempDir({ prefix: "chat-power-" });
  try {
    await record(folder, { durability: "full", random, messages: 800, progress });
    const recording = await readRecording(folder);
    const report = await cutPower(recording, { moments: 30, random, progress });
    progress(table([report]));
    assertEquals(verdict([report]), "", `POWER_SEED=${seed}`);
    assert(report.acknowledged > 500, `only ${report.acknowledged} were acknowledged`);
    assert(report.tornFiles > 5, `only ${report.tornFiles} files were torn`);
    const ignored = await cutPower(recording, { moments: 4, random, ignoreSyncs: true, progress });
    assert(ignored.lost > 0, "without fsync nothing is lost either: the check finds nothing");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("power: --durability normal loses messages, and the check says how many", { ignore }, async () => {
  const { code, out, err } = await power(["--durability", "normal", "--moments", "5"]);
  assertEquals([code, err], [1, ""], out);
  const lost = Number(/^lost (\d+) acknowledged messages, at \d of 5 moments$/m.exec(out)?.[1]);
  assert(lost > 0, out);
  assertMatch(out, /^seed \d+$/m);
});

Deno.test("power: without strace one sentence says what to install; wrong arguments, too", async () => {
  const missing = await power([], { PATH: "/nonexistent" });
  assertEquals(missing.code, 1);
  assertMatch(missing.err, /^strace is not installed; .*apt-get install -y strace\n$/);
  const wrong = await power(["--moments", "0"]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.err, /^--moments must be a whole number above 0\nusage: /);
});
