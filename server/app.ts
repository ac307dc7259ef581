import type { Bus, BusEvents } from "./bus/bus.ts";
import { NODES, prefixOf } from "./bus/channels.ts";
import { Envelopes } from "./bus/envelope.ts";
import { noBus } from "./bus/local.ts";
import type { Config } from "./config.ts";
import { Listener } from "./net/listener.ts";
import { Router } from "./net/router.ts";
import { Journal } from "./ops/journal.ts";
import type { Logger } from "./ops/logger.ts";
import { Outage } from "./ops/outage.ts";
import { Stopping } from "./ops/stopping.ts";
import { Auth } from "./services/auth.ts";
import { Chat } from "./services/chat.ts";
import { Cursors } from "./services/cursors.ts";
import { Delivery } from "./services/delivery.ts";
import { Hearing } from "./services/hearing.ts";
import { Gate } from "./services/gate.ts";
import { Friends } from "./services/friends.ts";
import { Groups } from "./services/groups.ts";
import { Healer } from "./services/healer.ts";
import { History } from "./services/history.ts";
import { Leases } from "./services/leases.ts";
import { Login } from "./services/login.ts";
import { LoginThrottle } from "./services/login_throttle.ts";
import { Passwords } from "./services/passwords.ts";
import { Presence } from "./services/presence.ts";
import { Receipts } from "./services/receipts.ts";
import { Sessions } from "./services/sessions.ts";
import { openSqlite } from "./stores/sqlite/open.ts";
import { type Cluster, type Store, StoreUnavailable } from "./stores/store.ts";
import { after } from "./timers.ts";

/** What a frame that carries a message has beside its text, in bytes, at most. */
const FRAME_OVERHEAD = 768;
/** What a payload on the bus has beside a text, in characters, at most. */
const PAYLOAD_OVERHEAD = 4096;
/** How long a cursor move may wait for others, in ms. */
const CURSOR_INTERVAL = 500;
/** How many may log in or out at once: what they ask the store goes together. */
const LOGINS_AT_ONCE = 200;
const LOGIN_WINDOW = 10 * 60 * 1000;
/** How long a stop may take beside `--drain-seconds`, in ms: what comes after the last step has some time of 5 s, too. */
const STOP_TIME = 4500;
/** How long each step of a stop may take, in ms; clients have `--drain-seconds` in addition. */
const STEP_TIME = { clients: 2500, cursors: 800, leases: 800, bus: 300, store: 500, other: 300 } as const;

/** Durations are measured by a clock that nobody can set. */
const monotonic = () => performance.now();

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
  const node = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  const later: { leases?: Leases } = {};
  const store = await openStore(config, { log, onOlder: () => later.leases?.doubt() });
  stopping.add("close the store", { within: STEP_TIME.store, work: () => store.close() });
  const cluster = await store.cluster.read();
  const { events, handle } = busEvents();
  const bus = await openBus(config, { events, node, log, prefix: prefixOf(cluster.name) });
  stopping.add("close the connection to Redis", { within: STEP_TIME.bus, work: () => bus.close() });

  const journal = new Journal(log, { now: monotonic });
  const services = wire({ config, log, journal, store, bus, node, cluster });
  handle(services.busEvents);
  const { router, login, leases, healer, cursors, delivery, presence, hearing, receipts, sessions } =
    services;
  later.leases = leases;
  // Others expect to hear this node as soon as the store knows it.
  await bus.subscribe([NODES]);
  hearing.start();
  stopping.add("fall silent on the bus", {
    within: STEP_TIME.other,
    work: () => Promise.resolve(hearing.stop()),
  });
  await leases.start();
  stopping.add("give the leases back, they end by themselves", {
    within: STEP_TIME.leases,
    work: () => leases.stop(),
  });
  healer.start();
  stopping.add("end what looks for missing messages", {
    within: STEP_TIME.other,
    work: async () => {
      await healer.stop();
      await delivery.close();
    },
  });
  stopping.add("store the newest cursors, some messages are pushed again", {
    within: STEP_TIME.cursors,
    work: () => cursors.close(),
  });
  stopping.add("tell all friends who is gone", {
    within: STEP_TIME.other,
    work: async () => {
      receipts.flush();
      await presence.close();
    },
  });

  const spread = config["drain-seconds"] * 1000;
  const listener = new Listener({
    host: config.host,
    port: config.port,
    maxConnections: config["max-connections"],
    maxFrame: config["max-frame"],
    maxQueue: config["max-queue"],
    rate: config.rate,
    clientTimeout: config["client-timeout"] * 1000,
    router,
    journal,
    now: () => performance.now(),
    after,
    onEnd: (session) => login.logOut(session),
    onDefect: log.defect.bind(log),
    onAcceptError: (error) => log.warn("cannot accept connections just now", { cause: String(error) }),
  });
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

interface Parts {
  readonly config: Config;
  readonly log: Logger;
  readonly journal: Journal;
  readonly store: Store;
  readonly bus: Bus;
  readonly node: string;
  readonly cluster: Cluster;
}

/** Puts the services together. */
function wire({ config, log, journal, store, bus, node, cluster }: Parts) {
  const now = Date.now;
  const onDefect = log.defect.bind(log);
  const outage = new Outage({
    log,
    began: "the database cannot be reached or cannot write, trying again",
    ended: "the database works again",
    now: monotonic,
  });
  const sessions = new Sessions(bus);
  const healer: Healer = new Healer({ log: store.log, sessions, isHearing: () => hearing.working, onDefect });
  const cursors = new Cursors(store.log, {
    interval: CURSOR_INTERVAL,
    onStored: () => outage.end(),
    onError: (error) => error instanceof StoreUnavailable ? outage.begin(error.message) : onDefect(error),
  });
  const gate = new Gate(LOGINS_AT_ONCE);
  const leases: Leases = new Leases({
    store: store.leases,
    node,
    log: cluster.log,
    renameLog: (old) => store.cluster.renameLog(old),
    sessions,
    gate,
    monotonic,
    end: (session, reason) => login.end(session, reason),
    askToEvict: (lease) => delivery.askToEvict(lease),
    onFreed: (users) => {
      log.warn("a node died, its users are free", { users: users.length });
      presence.lost(users);
    },
    onConfirmed: () => healer.heal(),
    onNodes: (nodes) => hearing.expect(nodes),
    onNodeGone: () => healer.heal(),
    onBeat: (failure) => failure ? outage.begin(failure.message) : outage.end(),
    onLogRenamed: ({ from, to }) => {
      log.warn("the database is older than it was: the message log has a new name, all sessions end", {
        from,
        to,
      });
      cursors.forget();
    },
    onDefect,
  });
  const delivery: Delivery = new Delivery({
    log: store.log,
    sessions,
    bus,
    envelopes: new Envelopes({
      secret: cluster.secret,
      node,
      log: () => leases.log,
      // A text is escaped once more in it.
      maxLength: 2 * config["max-frame"] + PAYLOAD_OVERHEAD,
    }),
    mayServe: () => leases.valid,
    onEvict: (session) => void login.end(session, "takeover").catch(onDefect),
    onMissing: () => healer.heal(),
    onBeat: (from) => hearing.hear(from),
    onNonsense: ({ count, channel }) =>
      log.warn("Redis brought what no node of this cluster has signed; it is ignored", { count, channel }),
    onDefect,
    monotonic,
  });
  const hearing: Hearing = new Hearing({
    node,
    busWorks: () => bus.working,
    beat: () => delivery.beat(),
    monotonic,
    onSilent: () => healer.heal(),
    onHeard: () => {
      delivery.resend();
      healer.heal();
    },
    onChange: (silent) =>
      silent.length > 0 && bus.carries
        ? log.warn("does not hear all nodes through Redis, asking the log instead", {
          silent: silent.join(" "),
        })
        : bus.carries && log.info("hears all nodes through Redis"),
  });
  const presence = new Presence({ store, delivery, now, onDefect });
  const auth = new Auth({
    accounts: store.accounts,
    passwords: new Passwords({ cost: config["password-cost"], atOnce: navigator.hardwareConcurrency }),
    throttle: new LoginThrottle({ limit: config["login-failures"], window: LOGIN_WINDOW, now }),
    now,
  });
  const login: Login = new Login({
    auth,
    store,
    sessions,
    cursors,
    leases,
    presence,
    gate,
    v1AckLimit: config["v1-ack-limit"],
    onDefect,
  });
  const receipts = new Receipts(delivery, { after });
  const router = new Router({
    auth,
    login,
    chat: new Chat({ delivery, store, sessions, maxBody: config["max-frame"] - FRAME_OVERHEAD }),
    friends: new Friends({ delivery, presence }),
    groups: new Groups(store, sessions),
    history: new History({ log: store.log, social: store.social, maxFrame: config["max-frame"] }),
    receipts,
    now,
  }, {
    mayServe: () => leases.valid,
    isUnavailable: (error) => {
      if (!(error instanceof StoreUnavailable)) return false;
      outage.begin(error.message);
      return true;
    },
    journal,
    onDefect,
  });
  const events: BusEvents = {
    message: (channel, payload) => delivery.receive(channel, payload),
    interrupted: () => {
      delivery.resend();
      healer.heal();
    },
    unsent: () => delivery.unsent(),
  };
  return {
    sessions,
    router,
    login,
    leases,
    healer,
    cursors,
    delivery,
    presence,
    hearing,
    receipts,
    busEvents: events,
  };
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
    now: monotonic,
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
