import { Msg } from "../server/protocol/msgid.ts";
import type { Clock } from "./clock.ts";
import { isMessage } from "./commands.ts";
import { Desk } from "./desk.ts";
import type { AppOptions, Event } from "./events.ts";
import { readFrame, type ServerFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { Link } from "./link.ts";
import { Menu } from "./menu.ts";
import type { Output } from "./output.ts";
import { type Request, Requests } from "./requests.ts";
import { errorLine } from "./format.ts";
import { sanitize } from "./sanitize.ts";
import { Session } from "./session.ts";

/** Lines from a pipe wait while so many messages are under way, so that an end of file has little left to wait for. */
const PIPE_BACKLOG = 8;
/** What a person may type ahead while the connection is down. */
const TYPED_BACKLOG = 1000;
const LEAVE_WITHIN = 5000;
/** How long the first answer of the server is waited for, in ms. */
const GREETED_WITHIN = 2000;
const INTERRUPT_WITHIN = 1000;
const LOGOUT_WITHIN = 2000;

/** Reasons of GOODBYE after which a client stays away, and what the person is told. */
const OVER: Readonly<Record<string, string>> = {
  takeover: "logged out: another client has taken over this account",
  ended: "logged out: this login was ended, by you on another device or by an administrator",
};

interface Leaving {
  readonly to: "menu" | "exit";
  /** Whether messages that are still coming in are waited for. */
  readonly patient: boolean;
  /** Whether lines that are still typed or piped are ignored. */
  readonly deaf: boolean;
  cancel: () => void;
  loggingOut: boolean;
}

/**
 * The client's one event loop. Keyboard, network and timers post events; they are handled one at a time, and after
 * each the state is looked at once: may the next line be taken, is there nothing left to wait for?
 */
export class App implements Host {
  readonly link: Link;
  readonly requests: Requests;
  readonly output: Output;
  readonly interactive: boolean;
  session: Session | undefined;
  readonly #options: AppOptions;
  readonly #clock: Clock;
  readonly #menu: Menu;
  readonly #desk: Desk;
  readonly #events: Event[] = [];
  #handling = false;
  #lines: { text: string; taken: () => void }[] = [];
  #leaving: Leaving | undefined;
  /** After the end of input: calls off giving up the lines that still wait. */
  #cancelGivingUp: (() => void) | undefined;
  #over = false;
  #hasFailed = false;
  /** Settled by the first answer on the first connection. */
  readonly #greeted = Promise.withResolvers<void>();
  #isGreeted = false;
  /** The last cause told while the connection was down; undefined while it is up. */
  #broken: string | undefined;

  constructor(output: Output, options: AppOptions) {
    this.output = output;
    this.interactive = options.interactive;
    this.#options = options;
    this.#clock = {
      now: () => options.clock.now(),
      after: (ms, run) => options.clock.after(ms, () => this.post({ type: "timer", run })),
    };
    const { dial, random } = options;
    this.link = new Link(dial, {
      up: () => this.post({ type: "up" }),
      down: (cause) => this.post({ type: "down", cause }),
      frame: (text) => this.post({ type: "frame", text }),
    }, { clock: this.#clock, random });
    this.requests = new Requests((request) => this.#sendRequest(request), this.#clock);
    this.#menu = new Menu(this);
    this.#desk = new Desk(this, this.#clock);
  }

  /** Connects and shows the menu. Rejects with a sentence if there is no server. */
  async start(): Promise<void> {
    await this.link.start();
    this.link.send(JSON.stringify({ msgid: Msg.PING }));
    // One that says nothing at all may still be a chat server, of the first generation.
    this.#clock.after(GREETED_WITHIN, () => this.#greet());
    await this.#greeted.promise;
    this.#menu.show();
  }

  failed(): void {
    this.#hasFailed = true;
  }

  giveUp(): void {
    this.failed();
    this.#left();
  }

  #greet(): void {
    this.#isGreeted = true;
    this.#greeted.resolve();
  }

  /** Hands in an event; returns when it has been handled, unless another one is being handled just now. */
  post(event: Event): void {
    this.#events.push(event);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#events.shift(); next && !this.#over; next = this.#events.shift()) {
        this.#handle(next);
        this.#settle();
      }
    } finally {
      this.#handling = false;
    }
  }

  loggedIn(ack: Extract<ServerFrame, { msgid: typeof Msg.LOGIN_ACK }> & { id: number }): void {
    this.output.print(`welcome ${sanitize(ack.name ?? "")} (id ${ack.id})`);
    const { clock: _, ...rest } = this.#options;
    this.session = new Session(ack, {
      ...rest,
      output: this.output,
      link: this.link,
      clock: this.#clock,
      resumed: () => {
        if (this.#broken !== undefined) this.output.print("connected again");
        this.#broken = undefined;
        this.requests.resume();
      },
      failed: () => this.failed(),
      over: (reason) => this.#sessionOver(reason),
    });
    for (const line of this.session.roster.friendLines()) this.output.print(line);
    for (const line of this.session.roster.groupLines()) this.output.print(line);
    this.#desk.prompt();
  }

  leave(to: "menu" | "exit", options: { within?: number; patient?: boolean; deaf?: boolean } = {}): void {
    this.#leaving?.cancel();
    const cancel = this.#clock.after(options.within ?? LEAVE_WITHIN, () => this.#left());
    const loggingOut = this.#leaving?.loggingOut ?? false;
    const { patient = false, deaf = false } = options;
    this.#leaving = { to, patient, deaf, cancel, loggingOut };
    if (deaf) { for (const line of this.#lines.splice(0)) line.taken(); }
  }

  #handle(event: Event): void {
    switch (event.type) {
      case "line":
        if (this.#leaving?.deaf) event.taken();
        else this.#lines.push(event);
        return;
      case "eof":
        return this.#giveUpLater();
      case "interrupt":
        this.requests.abandon();
        if (this.#leaving?.to === "exit" && this.#leaving.deaf) return this.#left();
        return this.leave("exit", { within: INTERRUPT_WITHIN, deaf: true });
      case "timer":
        return event.run();
      case "up":
        if (this.session) return this.session.up();
        this.#broken = undefined;
        return this.requests.resume();
      case "down":
        return this.#down(event.cause);
      case "frame":
        return this.#frame(event.text);
    }
  }

  #frame(text: string): void {
    const parsed = readFrame(text);
    if (parsed === undefined) return;
    this.#greet();
    if ("fault" in parsed) {
      return this.output.print(`ignored a bad frame from the server: ${sanitize(parsed.fault)}`);
    }
    const { frame } = parsed;
    if (frame.msgid === Msg.MESSAGE_ACK && this.#cancelGivingUp) this.#giveUpLater();
    if (frame.msgid === Msg.PING) {
      this.link.send(JSON.stringify({ msgid: Msg.PONG }));
    } else if (frame.msgid === Msg.GOODBYE) {
      const over = Object.hasOwn(OVER, frame.reason) ? OVER[frame.reason] : undefined;
      if (over !== undefined && this.session) return this.#sessionOver(over);
      // The connection is about to end, and a new one is made after that.
      this.link.pauseFor(frame.reconnect_ms ?? 1000);
      if (frame.reason === "stopping") this.output.print("the server stops; coming back");
    } else if (frame.msgid === Msg.LOGOUT_ACK) {
      if (this.#leaving?.loggingOut) this.#left();
    } else if (!this.requests.take(frame)) {
      if (this.session) this.session.handle(frame);
      else if (frame.msgid === Msg.ERROR) this.output.print(errorLine(frame));
    }
  }

  #down(cause: string): void {
    if (!this.#isGreeted) {
      this.link.stop();
      return this.#greeted.reject(new Error(`this is not a chat server, or one that takes nobody: ${cause}`));
    }
    const wanted = this.session !== undefined || this.requests.open;
    if (wanted && this.#broken !== cause) {
      this.output.print(
        this.#broken === undefined ? `connection lost: ${sanitize(cause)}; reconnecting` : sanitize(cause),
      );
      this.#broken = cause;
    }
    this.session?.down();
    this.requests.interrupted(cause);
    if (this.#leaving?.loggingOut) this.#left();
  }

  #sendRequest(request: Request): boolean {
    const alone = request.frame.msgid === Msg.LOGIN || request.frame.msgid === Msg.REGISTER;
    if (!alone && !this.session?.ready) return false;
    return this.link.send(JSON.stringify(request.frame));
  }

  /** Takes lines while none of the earlier ones is waiting for an answer, and leaves when it is time. */
  #settle(): void {
    while (this.#lines.length > 0 && this.#mayTake()) {
      const { text, taken } = this.#lines.shift()!;
      if (this.session) this.#desk.line(text);
      else this.#menu.line(text);
      taken();
      if (this.#cancelGivingUp) this.#giveUpLater();
    }
    const isEnd = this.#cancelGivingUp !== undefined && this.#lines.length === 0;
    if (isEnd && this.#leaving?.to !== "exit" && !this.#over) this.leave("exit", { patient: true });
    if (this.#leaving && !this.#leaving.loggingOut && this.#isIdle(this.#leaving)) {
      this.#logOut(this.#leaving);
      // Back in the menu without a word from the server: no event will come to take the next line.
      if (!this.#leaving && !this.#over && this.#lines.length > 0) return this.#settle();
    }
    if (!this.#over) this.link.want(this.session !== undefined || this.requests.open);
  }

  /** Whether nothing is left to wait for before leaving; the menu then takes the lines that are waiting. */
  #isIdle(leaving: Leaving): boolean {
    if (this.requests.open) return false;
    return !this.session || (this.session.unsent === 0 && !(leaving.patient && this.session.catchingUp));
  }

  /**
   * After the end of input: if nothing is taken or acknowledged for a while, the lines that wait for it are given up.
   * Questions and logging out have bounds of their own.
   */
  #giveUpLater(): void {
    this.#cancelGivingUp?.();
    this.#cancelGivingUp = this.#clock.after(LEAVE_WITHIN, () => {
      if (this.#lines.length === 0) return;
      if (this.requests.open || this.#leaving) return this.#giveUpLater();
      this.leave("exit");
      this.#left();
    });
  }

  #mayTake(): boolean {
    if (this.#over || this.requests.open || this.#leaving?.loggingOut || this.#leaving?.to === "menu") {
      return false;
    }
    const unsent = this.session?.unsent ?? 0;
    if (this.interactive) return unsent < TYPED_BACKLOG;
    // In a pipe, `chat` and then `history` is to show the message.
    return unsent === 0 || (unsent < PIPE_BACKLOG && isMessage(this.#lines[0]?.text ?? ""));
  }

  #logOut(leaving: Leaving): void {
    if (!this.session?.ready) return this.#left();
    leaving.loggingOut = true;
    leaving.cancel();
    leaving.cancel = this.#clock.after(LOGOUT_WITHIN, () => this.#left());
    this.session.flush();
    this.link.send(JSON.stringify({ msgid: Msg.LOGOUT, id: this.session.id }));
  }

  #left(): void {
    const leaving = this.#leaving;
    leaving?.cancel();
    this.#leaving = undefined;
    const unsent = this.#endSession();
    if (leaving?.to === "menu") return this.#menu.show();
    const unanswered = this.requests.open;
    if (unanswered) this.output.print("left without the answer to the last request");
    const untaken = this.#lines.length;
    if (untaken > 0) this.output.print(`${untaken} line${untaken > 1 ? "s were" : " was"} not carried out`);
    this.#over = true;
    this.link.stop();
    const failed = this.#hasFailed && !this.interactive;
    this.#options.exit(unsent > 0 || unanswered || untaken > 0 || failed ? 1 : 0);
  }

  #sessionOver(reason: string): void {
    this.output.print(reason);
    this.#endSession();
    this.requests.abandon();
    this.link.drop("logged out");
    this.#broken = undefined;
    if (this.#leaving) this.#left();
    else this.#menu.show();
  }

  #endSession(): number {
    const unsent = this.session?.end() ?? [];
    this.session = undefined;
    for (const line of unsent) this.output.print(line);
    if (unsent.length > 0) {
      this.output.print(`${unsent.length} message${unsent.length > 1 ? "s were" : " was"} not sent`);
    }
    return unsent.length;
  }
}
