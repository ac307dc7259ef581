import { newCluster, newLogName } from "../new_cluster.ts";
import type { Cluster, ClusterStore } from "../store.ts";
import type { Database, Session } from "./database.ts";

export class MysqlCluster implements Omit<ClusterStore, "adopt"> {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  read(): Promise<Cluster> {
    return readCluster(this.#db);
  }

  async renameLog(old: string): Promise<string> {
    await this.#db.run("UPDATE cluster SET log = ? WHERE id = 1 AND log = ?", [newLogName(), old]);
    return (await this.read()).log;
  }
}

export async function readCluster(session: Pick<Session, "rows">): Promise<Cluster> {
  const [cluster] = await session.rows<Cluster>("SELECT name, secret, log FROM cluster WHERE id = 1");
  if (!cluster) throw new Error("the table cluster has lost its row");
  return cluster;
}

/** Names the cluster, unless it has a name. */
export async function nameCluster(session: Session): Promise<void> {
  const { name, secret, log } = newCluster();
  await session.run(
    "INSERT INTO cluster (id, name, secret, log) VALUES (1, ?, ?, ?) ON DUPLICATE KEY UPDATE id = id",
    [name, secret, log],
  );
}
