import { cacheFolder } from "./cache.ts";
import { isFile, needBinary, run } from "./command.ts";

/**
 * A small redo log makes the copy small; a server that is started with another size makes it anew, in no time.
 * To be changed together with {@linkcode FORMAT}.
 */
const INSTALL_OPTIONS = [
  "--auth-root-authentication-method=normal",
  "--skip-test-db",
  "--skip-name-resolve",
  "--innodb-log-file-size=16M",
];
const FORMAT = 1;

/** Makes `folder` a fresh data directory, unless it is one; what is there is always complete. */
export async function ensureDataFolder(folder: string): Promise<void> {
  if (await isInstalled(folder)) return;
  const work = `${folder}.new`;
  await run(["rm", "-rf", work]);
  const copy = Deno.build.os === "linux" ? ["-r", "--reflink=auto"] as const : ["-R"] as const;
  await run(["cp", ...copy, await mariaDbTemplate(), work]);
  await Deno.rename(work, folder);
}

/**
 * The folder of a freshly installed data directory, to be copied and never to be used itself. Made once for each
 * version of the server and user of the machine, and kept in the user's cache folder: installing takes a second or
 * two, copying a few dozen milliseconds.
 *
 * Several processes may find it missing at once: each installs in a folder of its own, the first to finish renames
 * its one into place, and the others throw theirs away. So what is there is always complete.
 */
async function mariaDbTemplate(): Promise<string> {
  const cache = await cacheFolder();
  const { stdout } = await run([await needBinary("mariadbd"), "--no-defaults", "--version"]);
  const version = /Ver (\S+)/.exec(stdout)?.[1] ?? "unknown";
  const template = `${cache}/mariadb-${version.replaceAll(/[^\w.+-]/g, "_")}-${FORMAT}`;
  if (await isInstalled(template)) return template;

  const work = await Deno.makeTempDir({ dir: cache, prefix: "building-" });
  try {
    await install(`${work}/data`);
    await Deno.rename(`${work}/data`, template);
  } catch (error) {
    if (!await isInstalled(template)) throw error; // otherwise another process was first
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return template;
}

async function install(folder: string): Promise<void> {
  const installer = await needBinary("mariadb-install-db");
  const user = Deno.uid() === 0 ? ["--user=root"] : [];
  await run([installer, "--no-defaults", `--datadir=${folder}`, ...user, ...INSTALL_OPTIONS]);
}

const isInstalled = (folder: string) => isFile(`${folder}/ibdata1`);
