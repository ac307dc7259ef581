import { assertEquals } from "@std/assert";
import { startNginx } from "../services.ts";
import { ProcessClock } from "../services/process_clock.ts";
import { needsServices } from "./cluster.ts";
import { join } from "./harness.ts";
import { OldProgram } from "./old_program.ts";
import { ServerProcess } from "./server_process.ts";

const NO_CLOCK = "libfaketime is not installed: apt-get install libfaketime";
/** How long people stay at their menu, in s. */
const MENU = 11 * 60;

Deno.test({
  name: "limits: where connections run short, those silent for longest that nobody is logged in on go first",
  ...needsServices,
  fn: async () => {
    await using clock = await ProcessClock.make({ measures: true });
    if (!clock) throw new Error(NO_CLOCK);
    await using server = await ServerProcess.startUnder(
      clock.wrapper,
      "--db=sqlite::memory:",
      "--max-connections=4",
    );
    await using user = await join(server, "ann", 1);
    const menus = [];
    for (let i = 0; i < 3; i++) {
      menus.push(await server.connect());
      await menus[i]!.ask({ msgid: 99 }, 16);
      await clock.set(i + 1);
    }
    await using early = await server.connect();
    assertEquals((await early.next(16)).errno, 112, "all have just been heard of");
    await clock.set(20);
    await menus[0]!.ask({ msgid: 99 }, 16);
    await using first = await server.connect();
    assertEquals((await first.ask({ msgid: 99 }, 16)).errno, 101);
    await menus[1]!.gone();
    await using second = await server.connect();
    assertEquals((await second.ask({ msgid: 99 }, 16)).errno, 101);
    await menus[2]!.gone();
    await using third = await server.connect();
    assertEquals((await third.next(16)).errno, 112);
    for (const wire of [user.wire, menus[0]!]) assertEquals((await wire.ask({ msgid: 99 }, 16)).errno, 101);
    for (const wire of menus) await wire[Symbol.asyncDispose]();
  },
});

for (const way of ["directly", "through nginx"] as const) {
  Deno.test({
    name:
      `v1: programs of old may wait at their menu for eleven minutes, before a login and after it, ${way}`,
    ...needsServices,
    fn: async () => {
      await using clock = await ProcessClock.make({ measures: true });
      if (!clock) throw new Error(NO_CLOCK);
      await using server = await ServerProcess.startUnder(clock.wrapper, "--db=sqlite::memory:");
      await using nginx = way === "directly" ? undefined : await startNginx({ upstreams: [server.port] });
      const port = nginx?.port ?? server.port;
      await using before = OldProgram.start(port, { prompt: false });
      await using after = OldProgram.start(port, { prompt: false });
      before.say({ msgid: 4, name: "ann", password: "secret" });
      const { id } = await before.hear(5);
      await after.logIn({ id, password: "secret" });
      after.say({ msgid: 3, id });
      await after.hearNothing();
      // One who is logged in with v2 and does not answer shows that the server has noticed how late it is.
      await using silent = await server.connect();
      await silent.ask({ msgid: 1, v: 2, id, password: "secret" }, 2);
      await clock.set(MENU);
      await silent.gone();
      for (const program of [before, after]) {
        const { ack } = await program.logIn({ id, password: "secret" });
        assertEquals(ack.name, "ann");
        program.say({ msgid: 3, id });
        await program.hearNothing();
      }
    },
  });
}
