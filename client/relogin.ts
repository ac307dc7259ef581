import { Errno } from "../server/errors.ts";
import { Msg } from "../server/protocol/msgid.ts";
import { Backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { errorLine } from "./format.ts";
import type { FrameOf, ServerFrame } from "./frames.ts";
import type { Link } from "./link.ts";

/** So long the server may take to notice that the old connection is gone. */
const STALE_LOGIN = 20_000;
const ANSWER_WITHIN = 15_000;
const RETRY = 1000;

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
  #asking = false;
  #refusedSince: number | undefined;
  #cancel = () => {};

  constructor(
    parts: { link: Link; clock: Clock; random: () => number },
    account: { id: number; accepted: (ack: LoginAck) => void; over: (reason: string) => void },
  ) {
    this.#link = parts.link;
    this.#clock = parts.clock;
    this.#backoff = new Backoff(parts.random, { first: 500, last: 4000 });
    this.#id = account.id;
    this.#accepted = account.accepted;
    this.#over = account.over;
  }

  /** Asks on the connection that has just come up. */
  start(): void {
    if (this.token === undefined) {
      return this.#over("the connection broke and the server gave no token: log in again");
    }
    this.#asking = true;
    this.#link.send(JSON.stringify({ msgid: Msg.LOGIN, v: 2, id: this.#id, token: this.token }));
    this.#cancel();
    this.#cancel = this.#clock.after(ANSWER_WITHIN, () => this.#link.drop("no answer to the login"));
  }

  /** The connection broke, or nobody wants to be logged in any more. */
  stop(): void {
    this.#asking = false;
    this.#cancel();
  }

  /** Takes the answer; false if the frame is none. */
  take(frame: ServerFrame): boolean {
    if (!this.#asking) return false;
    const refused = frame.msgid === Msg.ERROR && frame.ref === Msg.LOGIN;
    if (frame.msgid !== Msg.LOGIN_ACK && !refused) return false;
    this.stop();
    if (frame.msgid === Msg.LOGIN_ACK && frame.errno === Errno.OK) {
      this.#refusedSince = undefined;
      this.#backoff.reset();
      this.#accepted(frame);
    } else {
      this.#refused(frame);
    }
    return true;
  }

  #refused(error: { errno: number; errmsg?: string | undefined; retry_ms?: number | undefined }): void {
    switch (error.errno) {
      case Errno.LOGGED_IN: {
        this.#refusedSince ??= this.#clock.now();
        if (this.#clock.now() - this.#refusedSince > STALE_LOGIN) {
          return this.#over("this account is logged in elsewhere: log in again to take it over");
        }
        // At least a little: with full jitter alone, unlucky draws would ask many times a second.
        return this.#again(250 + this.#backoff.next());
      }
      case Errno.TOO_FAST:
      case Errno.NOT_STORED:
      case Errno.STOPPING:
      case Errno.TOO_MANY:
        return this.#again(Math.min(Math.max(error.retry_ms ?? RETRY, 100), 60_000));
      default:
        return this.#over(`${errorLine(error)}: log in again`);
    }
  }

  #again(wait: number): void {
    this.#cancel = this.#clock.after(wait, () => this.start());
  }
}
