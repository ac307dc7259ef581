import { assertEquals } from "@std/assert";
import { startMariaDb, startRedis } from "../services.ts";
import { DatabaseClock } from "../services/database_clock.ts";
import { needsServices } from "./cluster.ts";
import { join, TestServer } from "./harness.ts";
import { ServerProcess } from "./server_process.ts";

/** Nodes judge others only after they have been well themselves for so long, in ms. */
const STEADY = 6500;
/** How long a node that died may keep its users, in ms; and what this machine adds. */
const GHOST = 10_000;
const SLACK = 3000;

Deno.test({
  name:
    "database: its clock steps forward and back: nobody is ended, everybody gets everything, the dead are found",
  ...needsServices,
  fn: async () => {
    await using clock = await DatabaseClock.make();
    if (!clock) throw new Error("libfaketime is not installed: apt-get install libfaketime");
    await using db = await startMariaDb({ flushLogAtCommit: 2, wrapper: clock.wrapper });
    await using redis = await startRedis();
    const flags = [`--db=${db.url}`, `--redis=${redis.url}`];
    await using one = await TestServer.start(...flags);
    await using two = await ServerProcess.start(...flags);
    await using ann = await join(one, "ann");
    await using bob = await join(two, "bob");
    let sent = 0;
    const talk = async (ms: number) => {
      for (const until = performance.now() + ms; performance.now() < until;) {
        const mid = `${++sent}`;
        await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "x", mid }, 12);
        await bob.wire.find((frame) => frame.msgid === 6 && frame.mid === mid);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await talk(STEADY);
    for (const seconds of [6, 12, 18, -282]) {
      await clock.set(db, seconds);
      await talk(2000);
    }
    const unexpected = [...ann.wire.frames, ...bob.wire.frames].filter(({ msgid }) =>
      msgid === 16 || msgid === 22
    );
    assertEquals(unexpected, []);
    await two.end("SIGKILL");
    const died = performance.now();
    while (true) {
      await using wire = await one.connect();
      const { errno } = await wire.ask({ msgid: 1, v: 2, id: bob.id, password: bob.password }, 2);
      if (errno === 0) break;
      assertEquals([errno, performance.now() - died < GHOST + SLACK], [2, true]);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  },
});
