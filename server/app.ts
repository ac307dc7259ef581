import type { Bus, BusEvents } from "./bus/bus.ts";
import { prefixOf } from "./bus/channels.ts";
import { noBus } from "./bus/local.ts";
import type { Config } from "./config.ts";
import { Listener } from "./net/listener.ts";
import * as nodes from "./node.ts";
import { Journal } from "./ops/journal.ts";
import type { Logger } from "./ops/logger.ts";
import { Outage } from "./ops/outage.ts";
import { Stopping } from "./ops/stopping.ts";
import type { Leases } from "./services/leases.ts";
import { Passwords } from "./services/passwords.ts";
import type { Sessions } from "./services/sessions.ts";
import { openSqlite } from "./stores/sqlite/open.ts";
import type { Store } from "./stores/store.ts";
import { system } from "./system.ts";

/** A node's id, in bytes. */
const ID_BYTES = 12;
/** How long a stop may take beside `--drain-seconds`, in ms: what comes after the last step has some time of 5 s, too. */
const STOP_TIME = 4500;
/** How long each step of a stop may take, in ms; clients have `--drain-seconds` in addition. */
const STEP_TIME = { clients: 2500, bus: 300, store: 500, other: 300 } as const;

/** A running server. */
export interface App {
  readonly address: Deno.NetAddr;
  /** How many users are logged in on this node. */
  readonly sessions: number;
  /** Says goodbye, finishes what is under way, closes everything; again is fine. */
  stop(): Promise<void>;
}

/**
 * Puts a server together and starts it: store, bus, services, and the listener last.
 * @throws {StartupError}
 */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const stopping = new Stopping({
    within: config["drain-seconds"] * 1000 + STOP_TIME,
    system,
    onUndone: (what, cause) => log.warn(`stopping: could not ${what}`, { cause }),
  });
  try {
    const running = await start({ config, log, stopping });
    let stopped: Promise<void> | undefined;
    return {
      address: running.listener.address,
      get sessions() {
        return running.sessions.size;
      },
      stop: () => stopped ??= stopping.run(),
    };
  } catch (error) {
    await stopping.run();
    throw error;
  }
}

/** Starts the parts one after the other, and adds to `stopping` how to undo each. */
async function start(
  { config, log, stopping }: { config: Config; log: Logger; stopping: Stopping },
): Promise<{ listener: Listener; sessions: Sessions }> {
  const id = system.secret(ID_BYTES);
  const later: { leases?: Leases } = {};
  const store = await openStore(config, { log, onOlder: () => later.leases?.doubt() });
  stopping.add("close the store", { within: STEP_TIME.store, work: () => store.close() });
  const cluster = await store.cluster.read();
  const { events, handle } = busEvents();
  const bus = await openBus(config, { events, node: id, log, prefix: prefixOf(cluster.name) });
  stopping.add("close the connection to Redis", { within: STEP_TIME.bus, work: () => bus.close() });

  const journal = new Journal(log, { now: system.monotonic });
  const passwords = new Passwords({
    cost: config["password-cost"],
    atOnce: navigator.hardwareConcurrency,
  });
  const node = nodes.wire({ id, config, log, journal, store, bus, cluster, passwords, system });
  const { router, ends, login, leases, sessions } = node;
  handle(node.events);
  later.leases = leases;
  await nodes.start(node, { bus, stopping });

  const spread = config["drain-seconds"] * 1000;
  const listener = new Listener({
    host: config.host,
    port: config.port,
    maxConnections: config["max-connections"],
    maxFrame: config["max-frame"],
    maxQueue: config["max-queue"],
    rate: config.rate,
    v1: { pace: config["v1-pace"], longest: config["v1-recv"] },
    clientTimeout: config["client-timeout"] * 1000,
    router,
    ends,
    journal,
    system,
    onEnd: (session) => login.logOut(session),
    onDefect: log.defect.bind(log),
    onAcceptError: (error) => log.warn("cannot accept connections just now", { cause: String(error) }),
  });
  // Lines about other nodes name them so.
  if (!config.db.startsWith("sqlite:")) log.info("part of a cluster", { node: id, cluster: cluster.name });
  stopping.add("say goodbye to all clients", {
    within: spread + STEP_TIME.clients,
    work: () => listener.close({ reason: "stopping", spread }),
  });
  stopping.add("stop accepting connections", {
    within: STEP_TIME.other,
    work: () => {
      listener.stop();
      router.stopping = true;
    },
  });
  return { listener, sessions };
}

/** The bus is there before those who listen to it: until they are, what it says is nobody's business. */
function busEvents(): { events: BusEvents; handle: (handler: BusEvents) => void } {
  let handler: BusEvents | undefined;
  return {
    events: {
      message: (channel, payload) => handler?.message(channel, payload),
      interrupted: () => handler?.interrupted(),
      unsent: () => handler?.unsent(),
    },
    handle: (given) => handler = given,
  };
}

async function openStore(
  config: Config,
  { log, onOlder }: { log: Logger; onOlder: () => void },
): Promise<Store> {
  if (config.db.startsWith("sqlite:")) {
    return await openSqlite({
      path: config.db.slice("sqlite:".length),
      durability: config.durability,
      search: config.search === "on",
      onReport: ({ level, message, fields }) => log[level](message, fields),
    });
  }
  // Loaded when needed: a server on one machine starts without the drivers, and holds 50 MB less.
  const { openMysql } = await import("./stores/mysql/open.ts");
  return await openMysql({
    url: config.db,
    poolSize: config["db-pool"],
    wait: config.wait * 1000,
    maxFrame: config["max-frame"],
    onRisk: (sentence) => log.warn(sentence),
    onOlder,
  });
}

async function openBus(
  config: Config,
  { events, node, log, prefix }: { events: BusEvents; node: string; log: Logger; prefix: string },
): Promise<Bus> {
  const alone = config.db.startsWith("sqlite:");
  if (alone || config.redis === "") return noBus({ alone });
  const { RedisBus } = await import("./bus/redis.ts");
  const outage = new Outage({
    log,
    began: "Redis does not work, asking the log instead",
    ended: "Redis works again",
    now: system.monotonic,
  });
  return await RedisBus.open({
    url: config.redis,
    prefix,
    node,
    wait: config.wait * 1000,
    events,
    onChange: (working, cause) => working ? outage.end() : outage.begin(cause),
  });
}
