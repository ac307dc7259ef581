import { resolve } from "node:path";
import { ClusterError } from "./errors.ts";

/** A folder that outlives the cluster; no other cluster takes it before it is disposed of. */
export interface Kept extends Disposable {
  readonly folder: string;
  /** Where in it the database is. */
  readonly database: string;
}

/**
 * Makes the folder if it is not there, and claims it. A relative path counts from where the command was typed, which
 * `deno task` says in INIT_CWD. Throws a {@linkcode ClusterError}.
 */
export async function keep(path: string): Promise<Kept> {
  const folder = resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path);
  let lock: Deno.FsFile | undefined;
  try {
    await Deno.mkdir(folder, { recursive: true });
    lock = await Deno.open(`${folder}/cluster.lock`, { write: true, create: true });
    if (await lock.tryLock(true)) {
      const file = lock;
      return { folder, database: `${folder}/mariadb`, [Symbol.dispose]: () => file.close() };
    }
  } catch (error) {
    lock?.close();
    if (!(error instanceof Error)) throw error;
    throw new ClusterError(`cannot keep anything in ${folder}: ${error.message}`);
  }
  lock.close();
  throw new ClusterError(`${folder} is in use by another cluster`);
}
