import { haveServices, type MariaDb, type Redis, startMariaDb, startRedis } from "../services.ts";
import { TestServer } from "./harness.ts";
import { ServerProcess } from "./server_process.ts";

const services = await haveServices();

/** For `Deno.test`: ignored where there is no MariaDB, Redis and nginx. */
export const needsServices = { ignore: !services.ok };

/** A MariaDB, a Redis, and nodes on them, in this process or in processes of their own. */
export class Cluster implements AsyncDisposable {
  readonly db: MariaDb;
  readonly redis: Redis;
  readonly #nodes: AsyncDisposable[] = [];

  private constructor(db: MariaDb, redis: Redis) {
    this.db = db;
    this.redis = redis;
  }

  static async start(): Promise<Cluster> {
    const [db, redis] = await Promise.all([startMariaDb({ flushLogAtCommit: 2 }), startRedis()]);
    return new Cluster(db, redis);
  }

  get flags(): string[] {
    return [`--db=${this.db.url}`, `--redis=${this.redis.url}`];
  }

  async node(...flags: string[]): Promise<TestServer> {
    const node = await TestServer.start(...this.flags, ...flags);
    this.#nodes.push(node);
    return node;
  }

  async process(...flags: string[]): Promise<ServerProcess> {
    const node = await ServerProcess.start(...this.flags, ...flags);
    this.#nodes.push(node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
    await this.db[Symbol.asyncDispose]();
  }
}
