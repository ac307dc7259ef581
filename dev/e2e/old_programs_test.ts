// deno-lint-ignore-file no-console -- a run that was repeated is worth a line
import { startNginx } from "../services.ts";
import { needsServices } from "./cluster.ts";
import { TestServer } from "./harness.ts";
import { canBePrompt, makeProcessPrompt } from "./promptness.ts";
import { ProgramEnded } from "./old_program.ts";
import { Place, STORIES } from "./old_stories.ts";

/** How often each story happens. */
const RUNS = Number(Deno.env.get("OLD_PROGRAM_RUNS") || 2);
/**
 * So many programs may end in all runs of a story: on a busy virtual machine even a thread that runs as soon as it is
 * ready is kept waiting for more than 4 ms now and then. Without a pace each of them ends.
 */
const STALLS = 2;
/** Where the machine may keep a program waiting while two frames come, the pace is so long, in ms. */
const SAFE_PACE = 25;
const prompt = await canBePrompt();

for (const way of ["directly", "through nginx"] as const) {
  for (const [name, prepare] of Object.entries(STORIES)) {
    Deno.test({
      name: `v1: a program of old survives ${name}, ${way}, ${RUNS} times`,
      ignore: way === "through nginx" && needsServices.ignore,
      fn: async () => {
        await using server = await TestServer.start(...prompt ? [] : [`--v1-pace=${SAFE_PACE}`]);
        await using nginx = way === "directly" ? undefined : await startNginx({ upstreams: [server.port] });
        if (nginx && prompt) await makeProcessPrompt(nginx.pid);
        await using place = new Place(server, { port: nginx?.port ?? server.port, prompt });
        let story = await prepare(place);
        let stalls = 0;
        for (let n = 1; n <= RUNS; n++) {
          try {
            await story();
          } catch (error) {
            if (!(error instanceof ProgramEnded) || ++stalls > STALLS) throw error;
            console.warn(`${name}, ${way}, run ${n}: ${error.message}`);
            // Another one, since nobody knows what this one has not got.
            story = await prepare(place);
            n--;
          }
        }
      },
    });
  }
}
