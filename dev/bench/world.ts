import { type MariaDb, type Redis, startMariaDb, startRedis } from "../services.ts";
import { fillPeople } from "./fill.ts";
import { type Filler, fillMariaDb, fillSqlite } from "./filler.ts";
import { firstMessage } from "./first_message.ts";
import { type Program, startRelay, startServer } from "./program.ts";
import type { Statements, Target } from "./target.ts";

/** Writes more into a database than the people there are. */
export type Fill = (filler: Filler) => Promise<void>;

/** A server for one scenario alone. */
export interface OwnServer extends Target, AsyncDisposable {
  readonly program: Program;
}

/** Everything that is measured, started when first asked for. Disposing ends it all and removes its files. */
export class World implements AsyncDisposable {
  readonly #crowd: number;
  readonly #withServices: boolean;
  readonly #folder: string;
  readonly #started = new AsyncDisposableStack();
  #copies = 0;
  #relay: Promise<Target> | undefined;
  #servers: Promise<readonly Target[]> | undefined;
  #template: Promise<string> | undefined;
  #mariaDb: Promise<MariaDb> | undefined;

  private constructor(folder: string, options: { crowd: number; embedded: boolean }) {
    this.#folder = folder;
    this.#crowd = options.crowd;
    this.#withServices = !options.embedded;
    this.#started.defer(() => Deno.remove(folder, { recursive: true }));
  }

  /**
   * @param options `crowd`: how many users there are beside the others. `embedded`: no MariaDB and Redis.
   */
  static async create(options: { crowd: number; embedded: boolean }): Promise<World> {
    return new World(await Deno.makeTempDir({ prefix: "chat-bench-" }), options);
  }

  /** Whether there is more than the embedded store. */
  get withServices(): boolean {
    return this.#withServices;
  }

  /** The floor: a bare relay. */
  relay(): Promise<Target> {
    return this.#relay ??= this.#startRelay();
  }

  /** The server on SQLite and, unless they are left out, on MariaDB and over two nodes and Redis. */
  servers(): Promise<readonly Target[]> {
    return this.#servers ??= this.#startServers();
  }

  /** A server on an SQLite file of its own. */
  async onSqlite(fill?: Fill): Promise<OwnServer> {
    const path = `${this.#folder}/${++this.#copies}.db`;
    await Deno.copyFile(await (this.#template ??= this.#makeTemplate()), path);
    if (fill) {
      await fillSqlite(path, fill);
      await onDisk();
    }
    const program = await startServer([`--db=sqlite:${path}`]);
    return {
      program,
      name: "SQLite",
      ports: [program.port, program.port],
      acknowledged: true,
      pids: { server: [program.pid] },
      async [Symbol.asyncDispose]() {
        await program[Symbol.asyncDispose]();
        await Deno.remove(path);
      },
    };
  }

  /** A server on a database of its own in the MariaDB that all share. */
  async onMariaDb(fill?: Fill): Promise<OwnServer> {
    const db = await this.#database();
    const url = await this.#fillDatabase(db, fill);
    const program = await startServer([`--db=${url}`]);
    return {
      program,
      name: "MariaDB",
      ports: [program.port, program.port],
      acknowledged: true,
      pids: { server: [program.pid], mariadb: db.pid },
      statements: () => statementsOf(db),
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }

  async #startRelay(): Promise<Target> {
    const relay = this.#started.use(await startRelay());
    return {
      name: "bare relay",
      ports: [relay.port, relay.port],
      acknowledged: false,
      pids: { server: [relay.pid] },
    };
  }

  async #startServers(): Promise<readonly Target[]> {
    const embedded = this.#started.use(await this.onSqlite());
    return this.#withServices ? [embedded, ...await this.#startCluster()] : [embedded];
  }

  async #startCluster(): Promise<readonly Target[]> {
    const db = await this.#database();
    const redis: Redis = this.#started.use(await startRedis());
    const flags = [`--db=${await this.#fillDatabase(db)}`, `--redis=${redis.url}`];
    const one = this.#started.use(await startServer(flags));
    const two = this.#started.use(await startServer(flags));
    return [
      {
        name: "MariaDB",
        ports: [one.port, one.port],
        acknowledged: true,
        pids: { server: [one.pid], mariadb: db.pid },
        statements: () => statementsOf(db),
      },
      {
        name: "MariaDB + Redis, two nodes",
        ports: [one.port, two.port],
        acknowledged: true,
        pids: { server: [one.pid, two.pid], mariadb: db.pid, redis: redis.pid },
        statements: () => statementsOf(db),
      },
    ];
  }

  #database(): Promise<MariaDb> {
    return this.#mariaDb ??= startMariaDb({ bufferPoolSize: "1G" }).then((db) => this.#started.use(db));
  }

  async #fillDatabase(db: MariaDb, fill?: Fill): Promise<string> {
    const url = await db.freshDatabase();
    await makeSchema(url);
    const database = new URL(url).pathname.slice(1);
    await fillMariaDb(db, { database, fill: (filler) => this.#fill(filler, fill) });
    if (fill) await onDisk();
    return url;
  }

  async #makeTemplate(): Promise<string> {
    const path = `${this.#folder}/template.db`;
    await makeSchema(`sqlite:${path}`);
    await fillSqlite(path, (filler) => this.#fill(filler));
    return path;
  }

  async #fill(filler: Filler, fill?: Fill): Promise<void> {
    await fillPeople(filler, this.#crowd);
    await fill?.(filler);
  }
}

async function statementsOf(db: MariaDb): Promise<Statements> {
  const rows = await db.sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_insert')");
  const values = new Map(rows.split("\n").map((row) => row.split("\t") as [string, string]));
  return { all: Number(values.get("Questions")), inserts: Number(values.get("Com_insert")) };
}

/** Waits until what was filled in is on disk, so that the server's own writes need not. */
async function onDisk(): Promise<void> {
  await new Deno.Command("sync").output();
}

/** Lets a server make the schema, and user 1, whose password hash all the others get. */
async function makeSchema(db: string): Promise<void> {
  await using program = await startServer([`--db=${db}`]);
  await firstMessage(program.port);
  await program.stop();
}
