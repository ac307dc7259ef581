import { assert, assertEquals, assertRejects } from "@std/assert";
import { findBinary } from "../services/command.ts";
import { NoPrevious, preparePrevious } from "./previous.ts";
import { ROOT } from "./sources.ts";

/** Without it, or in a folder that is no clone, no commit can be had. */
const haveGit = await findBinary("git") !== undefined && await exists(`${ROOT}.git`);

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

Deno.test(
  "the previous release: a commit's sources, as long as they are needed",
  { ignore: !haveGit },
  async () => {
    let folder = "";
    {
      await using previous = await preparePrevious("HEAD");
      folder = "folder" in previous.program ? previous.program.folder : "";
      for (const file of ["main.ts", "deno.json", "server", "sql"]) {
        assert(
          await exists(`${folder}/${file}`),
          file,
        );
      }
    }
    assertEquals(await exists(folder), false);
  },
);

Deno.test("the previous release: an executable, as it is", async () => {
  await using previous = await preparePrevious(Deno.execPath());
  assertEquals(previous.program, { executable: await Deno.realPath(Deno.execPath()) });
});

Deno.test("the previous release: what is neither is said", async () => {
  await assertRejects(() => preparePrevious("no-such-thing"), NoPrevious, "neither a file nor a commit");
});
