import { assert, assertEquals } from "@std/assert";
import { startNginx } from "../services.ts";
import { ProcessClock } from "../services/process_clock.ts";
import { needsServices } from "./cluster.ts";
import { OldProgram } from "./old_program.ts";
import { ServerProcess } from "./server_process.ts";

/** How long people stay at their menu, in s. */
const MENU = 11 * 60;

for (const way of ["directly", "through nginx"] as const) {
  Deno.test({
    name:
      `v1: programs of old may wait at their menu for eleven minutes, before a login and after it, ${way}`,
    ...needsServices,
    fn: async () => {
      await using clock = await ProcessClock.make({ measures: true });
      if (!clock) throw new Error("libfaketime is not installed: apt-get install libfaketime");
      const { wrapper } = clock;
      await using server = await ServerProcess.startUnder(wrapper, "--db=sqlite::memory:");
      await using nginx = way === "directly"
        ? undefined
        : await startNginx({ upstreams: [server.port], wrapper });
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
      assert(silent.closed);
      for (const program of [before, after]) {
        const { ack } = await program.logIn({ id, password: "secret" });
        assertEquals(ack.name, "ann");
        program.say({ msgid: 3, id });
        await program.hearNothing();
      }
    },
  });
}
