import { Errno } from "../errors.ts";
import type { Logger } from "./logger.ts";

/** What is told of an address of a kind at most so often in a minute. */
const FAILED_LOGINS = 30;
const LIMITS = 1;
const WINDOW = 60_000;
/** Addresses remembered at once; beyond that the longest remembered is forgotten. */
const MAX_KEYS = 10_000;

/** Where a connection comes from: `host:port`, which names it as long as it lasts. */
export interface Origin {
  readonly hostname: string;
  readonly port: number;
}

/** A request that was refused, as far as the journal needs it. */
export interface RefusedRequest {
  readonly errno: Errno;
  readonly isLogin: boolean;
  /** Whom a login asked for: an id or a name. */
  readonly who?: unknown;
}

/**
 * Tells the operator who comes and goes, in one line each: ids and addresses, never texts, passwords or tokens. What
 * strangers can cause at will is told so often a minute and address and no more.
 */
export class Journal {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #told = new Map<string, { count: number; until: number }>();

  /** @param options.now A clock in ms. */
  constructor(log: Logger, options: { now: () => number }) {
    this.#log = log;
    this.#now = options.now;
  }

  loggedIn(origin: Origin, { user, generation }: { user: number; generation: number }): void {
    this.#log.info("logged in", { user, connection: nameOf(origin), v: generation });
  }

  /** @param about.reason `logout`, `closed` by the client or the network, or the reason of the GOODBYE. */
  loggedOut(origin: Origin, { user, reason }: { user: number; reason: string }): void {
    this.#log.info("logged out", { user, connection: nameOf(origin), reason });
  }

  /** A request was refused: a line if it is a login, or if a limit is the reason. */
  refused(origin: Origin, { errno, isLogin, who }: RefusedRequest): void {
    if (errno === Errno.TOO_FAST) return this.limited(origin, "frames a second");
    if (errno === Errno.TOO_MANY) return this.limited(origin, isLogin ? "failed logins" : "connections");
    if (!isLogin || (errno !== Errno.DENIED && errno !== Errno.LOGGED_IN)) return;
    if (!this.#mayTell(`login ${origin.hostname}`, FAILED_LOGINS)) return;
    this.#log.info("login failed", {
      user: typeof who === "number" || typeof who === "string" ? who : undefined,
      connection: nameOf(origin),
      reason: errno === Errno.DENIED ? "no such user or wrong password or token" : "already logged in",
    });
  }

  /** A limit was reached by an address. */
  limited(origin: Origin, limit: string): void {
    if (!this.#mayTell(`${limit} ${origin.hostname}`, LIMITS)) return;
    this.#log.warn("limit reached, not told again for a minute", { limit, address: origin.hostname });
  }

  #mayTell(key: string, most: number): boolean {
    const now = this.#now();
    const told = this.#told.get(key);
    if (told && told.until > now) return ++told.count <= most;
    this.#told.delete(key);
    this.#told.set(key, { count: 1, until: now + WINDOW });
    if (this.#told.size > MAX_KEYS) this.#told.delete(this.#told.keys().next().value!);
    return true;
  }
}

const nameOf = ({ hostname, port }: Origin) =>
  hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
