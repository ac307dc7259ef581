import { Load } from "../load.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import { residentMb } from "../usage.ts";
import { crowdThatFits } from "./crowd_size.ts";
import { firstMessage } from "../first_message.ts";

/** What a connection that does nothing costs in memory, each time on a server that has just started. */
export const idle: Scenario = {
  name: "idle",
  about: "resident memory per idle connection, logged in and not",
  async *run(bench) {
    for (const command of ["logIn", "connect"] as const) {
      const users = crowdThatFits(bench, { nodes: 1, each: 1 });
      const what = `${users.length} idle, ${command === "logIn" ? "logged in" : "not logged in"}`;
      bench.say(what);
      const runs: number[] = [];
      for (let i = 0; i < bench.options.repeat; i++) {
        runs.push(await kilobytes(bench, { command, users }));
      }
      yield { what, on: "SQLite", value: median(runs), unit: "KB a connection", runs };
    }
  },
};

async function kilobytes(
  bench: Bench,
  { command, users }: { command: "logIn" | "connect"; users: readonly number[] },
): Promise<number> {
  await using server = await bench.world.onSqlite();
  const { port, pid } = server.program;
  await firstMessage(port);
  await bench.pause(bench.sizes.settleMs);
  const before = residentMb([pid]);
  await using crowd = await Load.start("crowd", { settings: { port, users }, signal: bench.signal });
  await crowd.ask(command);
  await bench.pause(bench.sizes.settleMs);
  return (residentMb([pid]) - before) * 1024 / users.length;
}
