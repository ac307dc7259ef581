import { Envelopes } from "./bus/envelope.ts";
import type { Bus, BusEvents } from "./bus/bus.ts";
import { NODES } from "./bus/channels.ts";
import type { Config } from "./config.ts";
import { Router } from "./net/router.ts";
import type { Journal } from "./ops/journal.ts";
import type { Logger } from "./ops/logger.ts";
import { Outage } from "./ops/outage.ts";
import type { Stopping } from "./ops/stopping.ts";
import { Auth } from "./services/auth.ts";
import { Chat } from "./services/chat.ts";
import { Cursors } from "./services/cursors.ts";
import { Delivery } from "./services/delivery.ts";
import { Devices } from "./services/devices.ts";
import { Events } from "./services/events.ts";
import { Friends } from "./services/friends.ts";
import { Gate } from "./services/gate.ts";
import { Groups } from "./services/groups.ts";
import { Healer } from "./services/healer.ts";
import { Hearing } from "./services/hearing.ts";
import { History } from "./services/history.ts";
import { Leases } from "./services/leases.ts";
import { LastSeen } from "./services/last_seen.ts";
import { Login } from "./services/login.ts";
import { LoginThrottle } from "./services/login_throttle.ts";
import { Members } from "./services/members.ts";
import type { PasswordHashing } from "./services/passwords.ts";
import { Presence } from "./services/presence.ts";
import { Receipts } from "./services/receipts.ts";
import { Search } from "./services/search.ts";
import { Sessions } from "./services/sessions.ts";
import { type Cluster, type Store, StoreUnavailable } from "./stores/store.ts";
import type { System } from "./system.ts";

/** What a frame that carries a message has beside its text, in bytes, at most. */
const FRAME_OVERHEAD = 768;
/** What a payload on the bus has beside a text, in characters, at most. */
const PAYLOAD_OVERHEAD = 4096;
/** How long a cursor move may wait for others, in ms. */
const CURSOR_INTERVAL = 500;
/** How many may log in or out at once: what they ask the store goes together. */
const LOGINS_AT_ONCE = 200;
const LOGIN_WINDOW = 10 * 60 * 1000;
/** How long each step of a stop may take, in ms. */
const STEP_TIME = { cursors: 800, leases: 800, other: 300 } as const;

export interface NodeParts {
  /** This node's id in the cluster, random. */
  readonly id: string;
  readonly config: Config;
  readonly log: Logger;
  readonly journal: Journal;
  readonly store: Store;
  /** What all nodes on the store share, as it was read when this one began. */
  readonly cluster: Cluster;
  readonly bus: Bus;
  readonly passwords: PasswordHashing;
  readonly system: System;
}

/** A node of a cluster without its doors: everything between its store, its bus and its connections. */
export type Node = ReturnType<typeof wire>;

/** Puts the services of a node together. Nothing happens yet. */
export function wire({ id, config, log, journal, store, bus, cluster, passwords, system }: NodeParts) {
  const { now, monotonic, after } = system;
  const onDefect = log.defect.bind(log);
  const outage = new Outage({
    log,
    began: "the database cannot be reached or cannot write, trying again",
    ended: "the database works again",
    now: monotonic,
  });
  const sessions = new Sessions(bus, system);
  const healer: Healer = new Healer({
    log: store.log,
    sessions,
    isHearing: () => hearing.working,
    system,
    onDefect,
  });
  const cursors = new Cursors(store.log, {
    interval: CURSOR_INTERVAL,
    after,
    onStored: () => outage.end(),
    onError: (error) => error instanceof StoreUnavailable ? outage.begin(error.message) : onDefect(error),
  });
  const ends = new Gate({ atOnce: Infinity, turn: system.turn });
  const gate = new Gate({ atOnce: LOGINS_AT_ONCE, turn: system.turn });
  const leases: Leases = new Leases({
    store: store.leases,
    node: id,
    log: cluster.log,
    renameLog: (old) => store.cluster.renameLog(old),
    sessions,
    gate,
    system,
    end: (session, reason) => login.end(session, reason),
    askToEvict: (lease, why) => delivery.askToEvict(lease, why),
    onElsewhere: (user) => delivery.askToLook(user),
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
      store.cluster.adopt(to);
      cursors.forget();
      receipts.forget();
    },
    onDefect,
  });
  const delivery: Delivery = new Delivery({
    log: store.log,
    sessions,
    bus,
    envelopes: new Envelopes({
      secret: cluster.secret,
      node: id,
      log: () => leases.log,
      // A text is escaped once more in it.
      maxLength: 2 * config["max-frame"] + PAYLOAD_OVERHEAD,
    }),
    mayServe: () => leases.valid,
    onEvict: (session, reason) => void login.end(session, reason).catch(onDefect),
    onMissing: () => healer.heal(),
    onMissingOf: (user) => void healer.healUser(user),
    onBeat: (from) => hearing.hear(from),
    onNonsense: ({ count, channel }) =>
      log.warn("Redis brought what no node of this cluster has signed; it is ignored", { count, channel }),
    onDefect,
    system,
  });
  const hearing: Hearing = new Hearing({
    node: id,
    busWorks: () => bus.working,
    beat: () => delivery.beat(),
    system,
    onSilent: () => healer.heal(),
    onHeard: () => {
      delivery.resend();
      healer.heal();
      presence.look();
    },
    onChange: (silent) =>
      silent.length > 0 && bus.carries
        ? log.warn("does not hear all nodes through Redis, asking the log instead", {
          silent: silent.join(" "),
        })
        : bus.carries && log.info("hears all nodes through Redis"),
  });
  const presence = new Presence({
    store,
    delivery,
    sessions,
    isHearing: () => hearing.working,
    system,
    onDefect,
  });
  const auth = new Auth({
    accounts: store.accounts,
    passwords,
    throttle: new LoginThrottle({ limit: config["login-failures"], window: LOGIN_WINDOW, now }),
    system,
  });
  const devices = new Devices({ store, leases, system });
  const lastSeen = new LastSeen({ accounts: store.accounts, system, onDefect });
  const login: Login = new Login({
    auth,
    store,
    sessions,
    cursors,
    leases,
    presence,
    devices,
    delivery,
    gate,
    v1: { ackLimit: config["v1-ack-limit"], longest: config["v1-recv"] },
    lastSeen,
    system,
    onDefect,
  });
  const receipts = new Receipts(delivery, { sessions, after });
  const members = new Members(store);
  const maxBody = config["max-frame"] - FRAME_OVERHEAD;
  const history = new History({ log: store.log, social: store.social, maxFrame: config["max-frame"] });
  const router = new Router({
    auth,
    login,
    devices,
    chat: new Chat({ delivery, store, sessions, maxBody }),
    events: new Events({
      delivery,
      social: store.social,
      now,
      maxBody,
      editHours: config["edit-hours"],
    }),
    friends: new Friends({ delivery, presence, social: store.social, maxFriends: config["user-friends"] }),
    groups: new Groups({
      store,
      sessions,
      delivery,
      members,
      limits: { members: config["group-members"], groups: config["user-groups"] },
    }),
    members,
    history,
    search: new Search({
      store: store.search,
      history,
      maxFrame: config["max-frame"],
      isOn: config.search === "on",
    }),
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
    ends,
    login,
    leases,
    healer,
    cursors,
    lastSeen,
    delivery,
    presence,
    hearing,
    receipts,
    events,
  };
}

/**
 * Starts a node that may not have any connections yet, and adds to `stopping` how to undo each step.
 * @throws {StoreUnavailable}
 */
export async function start(
  { leases, healer, cursors, lastSeen, delivery, presence, hearing, receipts }: Node,
  { bus, stopping }: { bus: Bus; stopping: Stopping },
): Promise<void> {
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
  presence.start();
  stopping.add("end what looks for missing messages", {
    within: STEP_TIME.other,
    work: async () => {
      await healer.stop();
      await delivery.close();
    },
  });
  stopping.add("store the newest cursors, some messages are pushed again", {
    within: STEP_TIME.cursors,
    work: async () => void await Promise.all([cursors.close(), lastSeen.flush()]),
  });
  stopping.add("tell all friends who is gone", {
    within: STEP_TIME.other,
    work: async () => {
      receipts.flush();
      await presence.close();
    },
  });
}
