import { Errno } from "../server/errors.ts";
import { Msg } from "../server/protocol/msgid.ts";
import { Backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { AppOptions } from "./events.ts";
import { errorLine } from "./format.ts";
import type { FrameOf, ServerFrame } from "./frames.ts";
import type { Link } from "./link.ts";
import type { Output } from "./output.ts";

/**
 * So long the account may be in use by the connection that broke, in ms. A server notices that a client is gone
 * without goodbye after 90 s of silence (its `--client-timeout`) and up to 10 s more; nginx, by TCP keepalive, after
 * 60 s + 4 × 15 s. The rest is for settings that are a little longer.
 */
const STALE_LOGIN = 150_000;
/** A server that has just seen the connection end frees the account within this time, and nobody is told, in ms. */
const SOON_FREE = 2000;
/** A server that has no database for so long is left, in ms: behind one address there may be others that have. */
const WITHOUT_DATABASE = 5000;
const ANSWER_WITHIN = 15_000;
const RETRY = 1000;

/** Why the connection to a server is given up that answers and stores nothing. */
export const NO_DATABASE = "the server cannot reach its database";

interface Refused {
  readonly errno: number;
  readonly errmsg?: string | undefined;
  readonly retry_ms?: number | undefined;
}

type LoginAck = FrameOf<typeof Msg.LOGIN_ACK>;

/** Logs an account in again by its token after the connection broke, and decides when that has become pointless. */
export class Relogin {
  token: string | undefined;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #id: number;
  readonly #accepted: (ack: LoginAck) => void;
  readonly #over: (reason: string) => void;
  readonly #output: Output;
  readonly #device: AppOptions["device"];
  #asking = false;
  /** Since when the answer on this connection is that the account is logged in. */
  #loggedInSince: number | undefined;
  #isTold = false;
  /** Since when the answer on this connection is that the server has no database. */
  #noDatabaseSince: number | undefined;
  #cancel = () => {};

  constructor(
    parts: { link: Link; clock: Clock; random: () => number; output: Output; device?: AppOptions["device"] },
    account: { id: number; accepted: (ack: LoginAck) => void; over: (reason: string) => void },
  ) {
    this.#link = parts.link;
    this.#clock = parts.clock;
    this.#backoff = new Backoff(parts.random, { first: 500, last: 4000 });
    this.#id = account.id;
    this.#accepted = account.accepted;
    this.#over = account.over;
    this.#output = parts.output;
    this.#device = parts.device;
  }

  /** Asks on the connection that has just come up. */
  start(): void {
    if (this.token === undefined) {
      return this.#over("the connection broke and the server gave no token: log in again");
    }
    this.#asking = true;
    this.#link.send(
      JSON.stringify({ msgid: Msg.LOGIN, v: 2, id: this.#id, token: this.token, ...this.#device }),
    );
    this.#cancel();
    this.#cancel = this.#clock.after(ANSWER_WITHIN, () => this.#link.drop("no answer to the login"));
  }

  /** The connection broke, or nobody wants to be logged in any more. */
  stop(): void {
    this.#answered();
    this.#loggedInSince = this.#noDatabaseSince = undefined;
  }

  /** Takes the answer; false if the frame is none. */
  take(frame: ServerFrame): boolean {
    if (!this.#asking) return false;
    const refused = frame.msgid === Msg.ERROR && frame.ref === Msg.LOGIN;
    if (frame.msgid !== Msg.LOGIN_ACK && !refused) return false;
    this.#answered();
    if (frame.errno !== Errno.NOT_STORED) this.#noDatabaseSince = undefined;
    if (frame.msgid === Msg.LOGIN_ACK && frame.errno === Errno.OK) {
      this.#loggedInSince = undefined;
      this.#isTold = false;
      this.#backoff.reset();
      this.#accepted(frame);
    } else {
      this.#refused(frame);
    }
    return true;
  }

  #refused(error: Refused): void {
    const now = this.#clock.now();
    switch (error.errno) {
      case Errno.LOGGED_IN:
        this.#loggedInSince ??= now;
        if (now - this.#loggedInSince > STALE_LOGIN) {
          return this.#over("this account is logged in elsewhere: log in again to take it over");
        }
        if (now - this.#loggedInSince > SOON_FREE) this.#tellOnce();
        // At least a little: with full jitter alone, unlucky draws would ask many times a second.
        return this.#again(250 + this.#backoff.next());
      case Errno.NOT_STORED:
        this.#noDatabaseSince ??= now;
        if (now - this.#noDatabaseSince > WITHOUT_DATABASE) return this.#link.drop(NO_DATABASE);
        return this.#again(waitOf(error));
      case Errno.TOO_FAST:
      case Errno.STOPPING:
      case Errno.TOO_MANY:
        return this.#again(waitOf(error));
      default:
        return this.#over(`${errorLine(error)}: log in again`);
    }
  }

  #tellOnce(): void {
    if (!this.#isTold) this.#output.print("the server still holds the old connection; trying again");
    this.#isTold = true;
  }

  /** The login is answered, or will not be. */
  #answered(): void {
    this.#asking = false;
    this.#cancel();
  }

  #again(wait: number): void {
    this.#cancel = this.#clock.after(wait, () => this.start());
  }
}

/** When the server wants to be asked again, within reason, in ms. */
function waitOf({ retry_ms = RETRY }: Refused): number {
  return Math.min(Math.max(retry_ms, 100), 60_000);
}
