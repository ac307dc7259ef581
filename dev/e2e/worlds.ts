import { DatabaseSync } from "node:sqlite";
import { Cluster, needsServices } from "./cluster.ts";
import { TestServer } from "./harness.ts";

/** A store, a bus, and the nodes on them, for tests that hold for every pair of the two. */
export interface World extends AsyncDisposable {
  /** Two nodes, or the only one twice. */
  start(...flags: string[]): Promise<readonly [TestServer, TestServer]>;
  /** Stops the nodes; the data stays. */
  stop(): Promise<void>;
  /** The rows that another program sees in the database, as text. */
  query(sql: string): Promise<string[][]>;
}

async function onSqlite(): Promise<World> {
  const folder = await Deno.makeTempDir();
  let node: TestServer | undefined;
  const stop = async () => {
    await node?.[Symbol.asyncDispose]();
    node = undefined;
  };
  return {
    async start(...flags) {
      node = await TestServer.start(`--db=sqlite:${folder}/chat.db`, ...flags);
      return [node, node];
    },
    stop,
    async query(sql) {
      using db = new DatabaseSync(`${folder}/chat.db`, { readOnly: true });
      return await db.prepare(sql).all().map((row) => Object.values(row).map(String));
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function onMariaDb(): Promise<World> {
  const cluster = await Cluster.start();
  let nodes: TestServer[] = [];
  const stop = async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    nodes = [];
  };
  return {
    async start(...flags) {
      const pair = [await cluster.node(...flags), await cluster.node(...flags)] as const;
      nodes = [...pair];
      return pair;
    },
    stop,
    async query(sql) {
      const text = await cluster.db.sql(sql, { database: "chat" });
      return text.trim().split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

/** A test on SQLite alone, and on MariaDB and Redis with two nodes. */
export function onEveryPair(name: string, run: (world: World) => Promise<void>): void {
  const test = (pair: string, create: () => Promise<World>, options: { ignore: boolean }) =>
    Deno.test({
      ...options,
      name: `${name} (${pair})`,
      fn: async () => {
        await using world = await create();
        await run(world);
      },
    });
  test("SQLite", onSqlite, { ignore: false });
  test("MariaDB and Redis, two nodes", onMariaDb, needsServices);
}
