import { run } from "./command.ts";
import type { MariaDb } from "./mariadb.ts";

/** What the system still writes for a stopped process is written by then, in ms. */
const WRITTEN = 100;

/** The data as they would be found if the machine's power failed at this moment; the folder of the copy. */
export async function copyOf(db: MariaDb): Promise<string> {
  const copy = `${db.folder}/older`;
  db.pause();
  try {
    await new Promise((resolve) => setTimeout(resolve, WRITTEN));
    await run(["cp", "-r", "--sparse=always", `${db.folder}/data`, copy]);
  } finally {
    db.resume();
  }
  return copy;
}

/** Kills MariaDB and goes on with a copy of its data, as after a failover or with a backup. */
export async function replaceData(db: MariaDb, copy: string): Promise<void> {
  await db.kill("SIGKILL");
  await run(["rm", "-rf", `${db.folder}/data`]);
  await Deno.rename(copy, `${db.folder}/data`);
  await db.start();
}
