import { firstMessage } from "../first_message.ts";
import type { Result } from "../result.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import { residentMb } from "../usage.ts";

interface Start {
  readonly startMs: number;
  readonly firstMs: number;
  readonly mb: number;
}

/** How long a server takes to be there, and what it holds when it has done little. */
export const start: Scenario = {
  name: "start",
  about: "time until a server listens, and its resident memory",
  async *run(bench) {
    bench.say("start");
    const runs: Start[] = [];
    for (let i = 0; i < bench.options.repeat; i++) runs.push(await once(bench));
    const result = (
      what: string,
      { key, unit }: { key: keyof Start; unit: string },
    ): Result => ({
      what,
      on: "SQLite",
      value: median(runs.map((run) => run[key])),
      unit,
      runs: runs.map((run) => run[key]),
    });
    yield result("start to listening", { key: "startMs", unit: "ms" });
    yield result("listening to first message, password included", { key: "firstMs", unit: "ms" });
    yield result("resident when idle", { key: "mb", unit: "MB" });
  },
};

async function once(bench: Bench): Promise<Start> {
  await using server = await bench.world.onSqlite();
  const { startMs, port, pid } = server.program;
  const began = performance.now();
  await firstMessage(port);
  const firstMs = performance.now() - began;
  await bench.pause(bench.sizes.settleMs);
  return { startMs, firstMs, mb: residentMb([pid]) };
}
