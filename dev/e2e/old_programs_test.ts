import { startNginx } from "../services.ts";
import { needsServices } from "./cluster.ts";
import { TestServer } from "./harness.ts";
import { canBePrompt, makeProcessPrompt } from "./promptness.ts";
import { Place, STORIES } from "./old_stories.ts";

/** How often each story happens. */
const RUNS = Number(Deno.env.get("OLD_PROGRAM_RUNS") || 2);
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
        const story = await prepare(place);
        for (let n = 1; n <= RUNS; n++) await story();
      },
    });
  }
}
