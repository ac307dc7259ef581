import { cacheFolder } from "./cache.ts";
import { findBinary, run } from "./command.ts";
import { findFaketime } from "./process_clock.ts";
import { hasStreamModule } from "./nginx.ts";

/** Debian's packages, with what each must bring. */
const NEEDED: readonly { readonly name: string; readonly isThere: () => Promise<boolean> }[] = [
  { name: "redis-server", isThere: () => haveAll("redis-server", "redis-cli") },
  { name: "mariadb-server", isThere: () => haveAll("mariadbd", "mariadb", "mariadb-install-db") },
  { name: "nginx", isThere: () => haveAll("nginx") },
  { name: "libnginx-mod-stream", isThere: hasStreamModule },
  { name: "libfaketime", isThere: async () => await findFaketime() !== undefined },
];

/** What keeps Debian's packages from asking questions, and from starting the services that they install. */
const QUIETLY = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1", SYSTEMD_OFFLINE: "1" };

/** Programs that the tests need are not installed; the message says which, and what to type. */
export class ServicesMissingError extends Error {
  override name = "ServicesMissingError";
}

/**
 * Sees to it that redis-server, MariaDB, nginx and libfaketime are installed. As root on Debian or Ubuntu it installs what is
 * missing, once however many processes ask, and says so on stderr; none of it is started as a system service.
 * Elsewhere a missing one is a {@linkcode ServicesMissingError} with the command to type.
 */
export async function ensureServices(): Promise<void> {
  if ((await missingPackages()).length === 0) return;
  const canInstall = Deno.uid() === 0 && await findBinary("apt-get") !== undefined;
  if (!canInstall) return await assertInstalled();

  using lock = await Deno.open(`${await cacheFolder()}/install.lock`, { write: true, create: true });
  await lock.lock(true);
  const missing = await missingPackages(); // fewer now, if another process held the lock
  if (missing.length === 0) return;
  await say(`Installing ${missing.join(" ")}\n`);
  await run(["apt-get", "update", "-q"], { env: QUIETLY });
  await run(["apt-get", "install", "-y", "-q", "--no-install-recommends", ...missing], { env: QUIETLY });
  await assertInstalled();
}

/**
 * For suites that need these servers: `Deno.test({ ignore: !have.ok, … })`. Installs as {@linkcode ensureServices}
 * does. Where CI=true, missing ones are an error instead of a reason to skip.
 */
export async function haveServices(): Promise<{ ok: true } | { ok: false; reason: string }> {
  try {
    await ensureServices();
    return { ok: true };
  } catch (error) {
    if (!(error instanceof ServicesMissingError) || Deno.env.get("CI") === "true") throw error;
    return { ok: false, reason: error.message };
  }
}

async function assertInstalled(): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  throw new ServicesMissingError(`not installed: ${missing.join(", ")}. ${await advice(missing)}`);
}

async function advice(missing: readonly string[]): Promise<string> {
  if (await findBinary("apt-get") !== undefined) {
    return `Type: sudo apt-get update && sudo apt-get install -y ${missing.join(" ")}`;
  }
  if (await findBinary("brew") !== undefined) return "Type: brew install redis mariadb nginx";
  return "Install Redis, MariaDB and nginx with its stream module; the names are those of Debian's packages";
}

async function missingPackages(): Promise<string[]> {
  const there = await Promise.all(NEEDED.map((needed) => needed.isThere()));
  return NEEDED.filter((_, i) => !there[i]).map((needed) => needed.name);
}

async function haveAll(...names: string[]): Promise<boolean> {
  const paths = await Promise.all(names.map(findBinary));
  return !paths.includes(undefined);
}

async function say(text: string): Promise<void> {
  await Deno.stderr.write(new TextEncoder().encode(text));
}
