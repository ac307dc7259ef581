import type { Clock } from "./clock.ts";
import type { ServerFrame } from "./frames.ts";
import { Msg } from "../server/protocol/msgid.ts";

/** So long an answer may take; passwords are costly to check, so a busy server may need a while. */
const PATIENCE = 30_000;

/** Which frame answers which request, where it is not DONE with `ref`; ERROR with `ref` answers any. */
const ANSWERS: Readonly<Record<number, Msg>> = {
  [Msg.LOGIN]: Msg.LOGIN_ACK,
  [Msg.REGISTER]: Msg.REGISTER_ACK,
  [Msg.CREATE_GROUP]: Msg.CREATE_GROUP_ACK,
  [Msg.JOIN_GROUP]: Msg.JOIN_GROUP_ACK,
  [Msg.HISTORY]: Msg.HISTORY_ACK,
};

/** One question to the server. */
export interface Request {
  readonly frame: { readonly msgid: Msg } & Record<string, unknown>;
  /** Whether asking twice does no harm; if not, a connection that breaks before the answer ends the request. */
  readonly repeatable: boolean;
  /** The answer, or why there is none. Called once. */
  readonly done: (answer: ServerFrame | { readonly lost: string }) => void;
}

/** At most one question is open at a time, so an answer needs no number to be recognised. */
export class Requests {
  readonly #send: (request: Request) => boolean;
  readonly #clock: Clock;
  #open: Request | undefined;
  #sent = false;
  #cancel = () => {};

  /** @param send Sends the frame; false if that is not possible now, and {@linkcode Requests.resume} is to be called when it is. */
  constructor(send: (request: Request) => boolean, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  get open(): boolean {
    return this.#open !== undefined;
  }

  ask(request: Request): void {
    this.#open = request;
    this.#cancel = this.#clock.after(PATIENCE, () => this.#finish({ lost: "no answer for 30 s" }));
    this.#sent = this.#send(request);
  }

  /** Offers a frame; true if it was the answer. */
  take(frame: ServerFrame): boolean {
    const asked = this.#open?.frame.msgid;
    if (asked === undefined || !this.#sent) return false;
    const isAnswer = frame.msgid === ANSWERS[asked] ||
      (frame.msgid === Msg.DONE && frame.ref === asked) ||
      (frame.msgid === Msg.ERROR && frame.ref === asked && frame.mid === undefined);
    if (isAnswer) this.#finish(frame);
    return isAnswer;
  }

  /** The connection broke. */
  interrupted(cause: string): void {
    if (!this.#open || !this.#sent) return;
    if (this.#open.repeatable) this.#sent = false;
    else {this.#finish({
        lost: `the connection broke before the answer came (${cause}), so it may have happened or not`,
      });}
  }

  /** Sending is possible again. */
  resume(): void {
    if (this.#open && !this.#sent) this.#sent = this.#send(this.#open);
  }

  /** Nobody waits for the answer any more. */
  abandon(): void {
    this.#cancel();
    this.#open = undefined;
  }

  #finish(answer: ServerFrame | { lost: string }): void {
    const request = this.#open;
    this.abandon();
    request?.done(answer);
  }
}
