import type { DatabaseSync } from "node:sqlite";
import { newCluster, newLogName } from "../new_cluster.ts";
import type { Cluster, ClusterStore } from "../store.ts";
import { Statement } from "./statements.ts";
import type { Writes } from "./writes.ts";

export class SqliteCluster implements ClusterStore {
  readonly #writes: Writes;
  readonly #cluster: Statement<Cluster>;

  constructor(db: DatabaseSync, options: { writes: Writes }) {
    this.#writes = options.writes;
    this.#cluster = new Statement(db, "SELECT name, secret, log FROM cluster");
  }

  async read(): Promise<Cluster> {
    const cluster = await this.#cluster.get();
    if (!cluster) throw new Error("the table cluster has lost its row");
    return cluster;
  }

  async renameLog(old: string): Promise<string> {
    await this.#writes.call("renameLog", { old, log: newLogName() });
    return (await this.read()).log;
  }

  /** Nothing is known that the file does not say. */
  adopt(): void {}
}

/** Names the cluster, unless it has a name. */
export function nameCluster(db: DatabaseSync): void {
  const { name, secret, log } = newCluster();
  db.prepare("INSERT INTO cluster (id, name, secret, log) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING")
    .run(name, secret, log);
}
