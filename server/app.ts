import type { Config } from "./config.ts";
import { Listener } from "./net/listener.ts";
import { Router } from "./net/router.ts";
import type { Logger } from "./ops/logger.ts";
import { Auth } from "./services/auth.ts";
import { Chat } from "./services/chat.ts";
import { Cursors } from "./services/cursors.ts";
import { Delivery } from "./services/delivery.ts";
import { Friends } from "./services/friends.ts";
import { Groups } from "./services/groups.ts";
import { History } from "./services/history.ts";
import { Login } from "./services/login.ts";
import { LoginThrottle } from "./services/login_throttle.ts";
import { Passwords } from "./services/passwords.ts";
import { Receipts } from "./services/receipts.ts";
import { Sessions } from "./services/sessions.ts";
import { openSqlite } from "./stores/sqlite.ts";
import { type Store, StoreUnavailable } from "./stores/store.ts";

/** What a frame that carries a message has beside its text, in bytes, at most. */
const FRAME_OVERHEAD = 768;
/** How long a cursor move may wait for others, in ms. */
const CURSOR_INTERVAL = 500;
const LOGIN_WINDOW = 10 * 60 * 1000;

/** A running server. */
export interface App {
  readonly address: Deno.NetAddr;
  /** Says goodbye, finishes what is under way, closes everything; again is fine. */
  stop(): Promise<void>;
}

/**
 * Puts a server together and starts it, the store first and the listener last.
 * @throws {StartupError}
 */
export function startApp(config: Config, log: Logger): App {
  const now = Date.now;
  const onDefect = log.defect.bind(log);
  const store = openStore(config);
  const sessions = new Sessions();
  const cursors = new Cursors(store.log, {
    interval: CURSOR_INTERVAL,
    onError: (error) =>
      error instanceof StoreUnavailable
        ? log.warn("cursors not stored, trying again", { cause: error.message })
        : onDefect(error),
  });
  const delivery = new Delivery(store.log, sessions);
  const auth = new Auth({
    accounts: store.accounts,
    passwords: new Passwords({ cost: config["password-cost"], atOnce: navigator.hardwareConcurrency }),
    throttle: new LoginThrottle({ limit: config["login-failures"], window: LOGIN_WINDOW, now }),
    now,
  });
  const login = new Login({ auth, store, sessions, cursors, v1AckLimit: config["v1-ack-limit"], onDefect });
  const router = new Router({
    auth,
    login,
    chat: new Chat({ delivery, social: store.social, maxBody: config["max-frame"] - FRAME_OVERHEAD }),
    friends: new Friends(delivery),
    groups: new Groups(store.social, sessions),
    history: new History({ log: store.log, social: store.social, maxFrame: config["max-frame"] }),
    receipts: new Receipts(cursors, sessions),
    now,
  }, {
    isUnavailable: (error) => {
      if (!(error instanceof StoreUnavailable)) return false;
      log.warn("the store cannot be reached", { cause: error.message });
      return true;
    },
    onDefect,
  });
  let listener: Listener;
  try {
    listener = new Listener({
      host: config.host,
      port: config.port,
      maxConnections: config["max-connections"],
      maxFrame: config["max-frame"],
      maxQueue: config["max-queue"],
      rate: config.rate,
      router,
      now,
      onEnd: (session) => login.logOut(session),
      onDefect,
      onAcceptError: (error) => log.warn("cannot accept connections just now", { cause: String(error) }),
    });
  } catch (error) {
    closeQuietly(store, log);
    throw error;
  }
  const stop = async () => {
    listener.stop();
    router.stopping = true;
    await listener.close({ reason: "the server is stopping", reconnectMs: 1000 });
    await cursors.close();
    await store.close();
  };
  let stopped: Promise<void> | undefined;
  return { address: listener.address, stop: () => stopped ??= stop() };
}

function openStore(config: Config): Store {
  return openSqlite({ path: config.db.slice("sqlite:".length), durability: config.durability });
}

function closeQuietly(store: Store, log: Logger): void {
  store.close().catch((error) => log.warn("the store did not close cleanly", { cause: String(error) }));
}
