import { type Config, readCommand } from "../../server/config.ts";
import { Connection } from "../../server/net/connection.ts";
import { Encoder } from "../../server/net/encoder.ts";
import * as nodes from "../../server/node.ts";
import { Journal } from "../../server/ops/journal.ts";
import { Logger } from "../../server/ops/logger.ts";
import { Stopping } from "../../server/ops/stopping.ts";
import type { WireEvents } from "../../client/link.ts";
import type { PasswordHashing } from "../../server/services/passwords.ts";
import { type Hub, SimulatedBus } from "./bus.ts";
import type { Database } from "./database.ts";
import { Cable } from "./network.ts";
import { SimulatedStore, type StoreFaults } from "./store.ts";
import { Machine, type World } from "./world.ts";

/** Passwords are not what is simulated. */
const PASSWORDS: PasswordHashing = {
  hash: (password) => Promise.resolve(password),
  verify: (password, stored) => Promise.resolve(password === stored),
  isOutdated: () => false,
};
/** A small queue, so that it is full now and then. */
const CONFIG = configOf(["--max-queue", "65536", "--client-timeout", "30"]);
const CHECK_INTERVAL = 10_000;
const STOP_TIME = 6000;
const RECONNECT = 100;

/** Everything that nodes share, and how badly it works just now. */
export interface Surroundings {
  readonly world: World;
  readonly database: Database;
  readonly hub: Hub;
  readonly storeFaults: () => StoreFaults;
  /** Told of a node that could not start. */
  readonly onFailed: () => void;
  /** Told of what the product calls a defect: an error that nobody foresaw. */
  readonly onDefect: (line: string) => void;
}

/** A node that runs: the real services on a simulated machine. It crashes or stops once; what follows it is another one. */
export class SimulatedNode {
  readonly machine: Machine;
  readonly bus: SimulatedBus;
  readonly #world: World;
  readonly #config: Config;
  readonly #node: nodes.Node;
  readonly #stopping: Stopping;
  readonly #log: Logger;
  readonly #journal: Journal;
  readonly #connections = new Map<Connection, Cable>();
  readonly #encoder = new Encoder();
  #ports = 0;
  #accepts = false;

  constructor(name: string, surroundings: Surroundings) {
    const { world, database, hub, storeFaults, onFailed, onDefect } = surroundings;
    this.#world = world;
    this.machine = new Machine(world, name);
    const { system } = this.machine;
    this.#config = CONFIG;
    this.#log = new Logger({
      level: "info",
      now: system.now,
      write: (line) => {
        const text = line.slice(25).trimEnd();
        this.machine.tell(text);
        if (text.startsWith("error")) onDefect(`${name}: ${text}`);
      },
    });
    const store = new SimulatedStore(world, {
      machine: this.machine,
      database,
      faults: storeFaults,
      onOlder: () => this.#node.leases.doubt(),
    });
    const { cluster } = database.tables;
    this.bus = new SimulatedBus(hub, {
      machine: this.machine,
      events: {
        message: (channel, payload) => this.#node.events.message(channel, payload),
        interrupted: () => this.#node.events.interrupted(),
        unsent: () => this.#node.events.unsent(),
      },
    });
    this.#journal = new Journal(this.#log, { now: system.monotonic });
    this.#stopping = new Stopping({
      within: STOP_TIME,
      system,
      onUndone: (what, cause) => this.machine.tell(`could not ${what}: ${cause}`),
    });
    this.#node = nodes.wire({
      id: `${name}-${system.secret(4)}`,
      config: this.#config,
      log: this.#log,
      journal: this.#journal,
      store: store.store,
      cluster,
      bus: this.bus,
      passwords: PASSWORDS,
      system,
    });
    void this.#start(onFailed);
  }

  /** What clients are connected by. */
  get cables(): Iterable<Cable> {
    return this.#connections.values();
  }

  get isUp(): boolean {
    return this.#accepts && !this.machine.crashed;
  }

  /** A client connects; a machine that stands still takes connections, too. */
  connect(client: Machine, events: WireEvents): Cable {
    const cable = new Cable(this.#world, { client, server: this.machine, events, port: ++this.#ports });
    this.machine.after(0.1, () => this.#serve(cable));
    return cable;
  }

  /** Ends at once, with all that it remembers. `silent`: the network goes with it, so that nobody is told. */
  crash({ silent = false } = {}): void {
    this.machine.crash();
    for (const cable of this.#connections.values()) cable.cut({ silent });
  }

  /** Ends as an operator ends it. */
  async stop(): Promise<void> {
    this.#accepts = false;
    this.#node.router.stopping = true;
    const goodbyes = [...this.#connections.keys()].map((connection) =>
      connection.end({ reason: "stopping", reconnectMs: RECONNECT })
    );
    await Promise.race([Promise.all(goodbyes), this.#world.pause(STOP_TIME, this.machine)]);
    await this.#stopping.run();
    await this.bus.close();
    this.crash();
  }

  async #start(onFailed: () => void): Promise<void> {
    try {
      await nodes.start(this.#node, { bus: this.bus, stopping: this.#stopping });
    } catch (error) {
      this.machine.tell(`cannot start: ${error instanceof Error ? error.message : error}`);
      await this.#stopping.run();
      this.crash();
      return onFailed();
    }
    this.#accepts = true;
    this.machine.system.every(CHECK_INTERVAL, () => {
      for (const connection of this.#connections.keys()) connection.checkLife();
    });
  }

  #serve(cable: Cable): void {
    const connection = new Connection(cable.server, {
      router: this.#node.router,
      maxFrame: this.#config["max-frame"],
      maxQueue: this.#config["max-queue"],
      rate: this.#config.rate,
      v1: { pace: this.#config["v1-pace"], longest: this.#config["v1-recv"] },
      clientTimeout: this.#config["client-timeout"] * 1000,
      system: this.machine.system,
      encoder: this.#encoder,
      ends: this.#node.ends,
      journal: this.#journal,
      onEnd: (session) => this.#node.login.logOut(session),
      onDefect: (error) => this.#log.defect(error),
    });
    this.#connections.set(connection, cable);
    void connection.run().finally(() => this.#connections.delete(connection));
  }
}

function configOf(args: readonly string[]): Config {
  const command = readCommand(args, () => undefined);
  if (command.run !== "serve") throw new TypeError("not a configuration");
  return command.config;
}
