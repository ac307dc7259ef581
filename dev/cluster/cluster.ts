import { type Daemon, ensureServices, startMariaDb, startNginx, startRedis } from "../services.ts";
import { isFree } from "../services/port.ts";
import type { Console } from "./console.ts";
import { ClusterError } from "./errors.ts";
import { keep, type Kept } from "./keep.ts";
import { ChatNode, howItEnded } from "./node.ts";
import type { Options } from "./options.ts";

/** More than the nodes' pools take together. */
const DB_CONNECTIONS = 400;

/** MariaDB, Redis, the nodes and nginx. To be stopped, or killed, whether or not its start succeeded. */
export class Cluster {
  readonly #options: Options;
  readonly #console: Console;
  readonly #nodes: ChatNode[] = [];
  /** Beside the nodes, in the order they are to be stopped. */
  readonly #daemons: { readonly name: string; readonly daemon: Daemon }[] = [];
  #kept: Kept | undefined;
  #stopping = false;

  constructor(options: Options, console: Console) {
    this.#options = options;
    this.#console = console;
  }

  /** The folder that keeps the database; undefined if it is thrown away. */
  get folder(): string | undefined {
    return this.#kept?.folder;
  }

  /**
   * Starts everything in its order; resolves when people can come in. Throws a {@linkcode ClusterError}, or an error
   * of dev/services, if something does not start. Once `signal` is aborted nothing more is begun.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { keep: folder, nodePorts, port } = this.#options;
    const taken = [port, ...nodePorts].find((port) => !isFree(port));
    if (taken !== undefined) {
      const flag = taken === port ? "--port" : "--first-port";
      throw new ClusterError(`port ${taken} is in use: end what listens there, or choose another by ${flag}`);
    }
    if (folder !== undefined) this.#kept = await keep(folder);
    await ensureServices();
    signal.throwIfAborted();

    this.#console.say("starting MariaDB and Redis");
    const [redis, db] = await all(
      startRedis().then((redis) => this.#add("Redis", redis)),
      startMariaDb({
        args: [`--max-connections=${DB_CONNECTIONS}`],
        ...(this.#kept && { dataFolder: this.#kept.database }),
      }).then((db) => this.#add("MariaDB", db)),
    );
    signal.throwIfAborted();

    this.#console.say(nodePorts.length === 1 ? "starting one node" : `starting ${nodePorts.length} nodes`);
    const show = (name: string, line: string) => this.#console.show(name, line);
    const flags = [`--db=${db.url}`, `--redis=${redis.url}`];
    for (const port of nodePorts) this.#nodes.push(new ChatNode({ port, flags, show }));
    // They are known already, and can be stopped before they are ready.
    const interrupted = new Promise((resolve) => signal.addEventListener("abort", resolve));
    await Promise.race([all(...this.#nodes.map((node) => node.ready())), interrupted]);
    signal.throwIfAborted();

    this.#add("nginx", await startNginx({ listen: port, upstreams: nodePorts }));
    this.#watch();
  }

  /** What runs, a line each: name, address, pid. */
  table(): string[] {
    const rows = [
      ...this.#daemons.map(({ name, daemon }) => ({ name, port: daemon.port, pid: daemon.pid })),
      ...this.#nodes,
    ];
    return rows.map(({ name, port, pid }) =>
      `${name.padEnd(10)}  ${`127.0.0.1:${port}`.padEnd(15)}  pid ${pid}`
    );
  }

  /** Ends everything, the nodes first; each has the time to end cleanly. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#nodes.map((node) => node.stop()));
    for (const { daemon } of this.#daemons) {
      await daemon.stop();
      await daemon[Symbol.asyncDispose]();
    }
    this.#kept?.[Symbol.dispose]();
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    this.#stopping = true;
    await Promise.all([
      ...this.#nodes.map((node) => node.kill()),
      ...this.#daemons.map(({ daemon }) => daemon[Symbol.asyncDispose]()),
    ]);
  }

  #add<T extends Daemon>(name: "MariaDB" | "Redis" | "nginx", daemon: T): T {
    const order = ["nginx", "Redis", "MariaDB"];
    this.#daemons.push({ name, daemon });
    this.#daemons.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    return daemon;
  }

  /** Says it when something ends by itself, or by a person who tries what happens then. */
  #watch(): void {
    for (const node of this.#nodes) {
      node.ended.then((status) => {
        if (this.#stopping) return;
        this.#console.say(
          `${node.name} (pid ${node.pid}) ended: ${
            howItEnded(status)
          }. The rest goes on. To start it again, ` +
            `in another terminal:\n\n  ${node.command.map(quoted).join(" ")}\n`,
        );
      });
    }
    for (const { name, daemon } of this.#daemons) {
      daemon.ended.then((status) => {
        if (!this.#stopping) this.#console.say(`${name} ended: ${howItEnded(status)}. The rest goes on.`);
      });
    }
  }
}

/** As `Promise.all`, but nothing is under way any more when it rejects. */
async function all<T extends unknown[]>(...promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(promises);
  return await Promise.all(promises) as T;
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
