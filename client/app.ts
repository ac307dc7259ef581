import { Msg } from "../server/protocol/msgid.ts";
import { Account } from "./account.ts";
import type { Clock } from "./clock.ts";
import { isMessage } from "./commands.ts";
import { Desk } from "./desk.ts";
import type { AppOptions, Event } from "./events.ts";
import { type FrameOf, readFrame } from "./frames.ts";
import type { Host, LoginAck } from "./host.ts";
import { INTERRUPT_WITHIN, LEAVE_WITHIN, type Leaving, LOGOUT_WITHIN } from "./leaving.ts";
import { Link } from "./link.ts";
import { Menu } from "./menu.ts";
import { lastWord, Outage } from "./outage.ts";
import type { Output } from "./output.ts";
import { type Request, Requests } from "./requests.ts";
import { errorLine } from "./format.ts";
import { sanitize } from "./sanitize.ts";

/** Lines from a pipe wait while so many messages are under way, so that an end of file has little left to wait for. */
const PIPE_BACKLOG = 8;
/** What a person may type ahead while the connection is down. */
const TYPED_BACKLOG = 1000;

/**
 * The client's one event loop. Keyboard, network and timers post events; they are handled one at a time, and after
 * each the state is looked at once: may the next line be taken, is there nothing left to wait for?
 */
export class App implements Host {
  readonly requests: Requests;
  readonly output: Output;
  readonly device: AppOptions["device"];
  readonly interactive: boolean;
  readonly #options: AppOptions;
  readonly #link: Link;
  readonly #outage: Outage;
  readonly #clock: Clock;
  readonly #menu: Menu;
  readonly #desk: Desk;
  readonly #events: Event[] = [];
  /** Who is logged in. */
  #account: Account | undefined;
  #handling = false;
  #lines: { text: string; taken: () => void }[] = [];
  #leaving: Leaving | undefined;
  /** After the end of input: calls off giving up the lines that still wait. */
  #cancelGivingUp: (() => void) | undefined;
  #over = false;
  /** Something that was asked for was not done. */
  #failed = false;

  constructor(output: Output, options: AppOptions) {
    this.output = output;
    this.device = options.device;
    this.interactive = options.interactive;
    this.#options = options;
    this.#clock = {
      now: () => options.clock.now(),
      after: (ms, run) => options.clock.after(ms, () => this.post({ type: "timer", run })),
    };
    const { servers, random } = options;
    this.#outage = new Outage(output);
    this.#link = new Link(servers, {
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
    const { name } = await this.#link.start();
    if (this.#options.servers.length > 1) this.output.print(`using ${name}`);
    this.#menu.show();
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

  loggedIn(ack: LoginAck & { id: number }): void {
    this.output.print(`welcome ${sanitize(ack.name ?? "")} (id ${ack.id})`);
    const { clock: _, ...rest } = this.#options;
    this.#account = new Account(ack, {
      ...rest,
      output: this.output,
      link: this.#link,
      clock: this.#clock,
      resumed: () => {
        this.#outage.over();
        this.requests.resume();
      },
      failed: () => this.failed(),
      over: (reason) => this.#accountOver(reason),
    });
    for (const line of this.#account.roster.friendLines()) this.output.print(line);
    for (const line of this.#account.roster.groupLines()) this.output.print(line);
    this.#desk.prompt();
  }

  failed(): void {
    this.#failed = true;
  }

  turnedAway(): void {
    if (this.interactive) return this.#menu.show();
    this.failed();
    // What follows was written for somebody who is logged in; the menu would take it for choices and passwords.
    const isLast = this.#cancelGivingUp !== undefined && this.#lines.length === 0;
    if (!isLast) this.output.print("the rest of the input was not carried out");
    this.#exit(1);
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
        if (this.#account) return this.#account.up();
        this.#outage.forget();
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
    if ("fault" in parsed) {
      return this.output.print(`ignored a bad frame from the server: ${sanitize(parsed.fault)}`);
    }
    const { frame } = parsed;
    if (frame.msgid === Msg.MESSAGE_ACK && this.#cancelGivingUp) this.#giveUpLater();
    if (frame.msgid === Msg.PING) {
      this.#link.send(JSON.stringify({ msgid: Msg.PONG }));
    } else if (frame.msgid === Msg.GOODBYE) {
      this.#goodbye(frame);
    } else if (frame.msgid === Msg.LOGOUT_ACK && this.#leaving?.loggingOut) {
      this.#left({ isLoggedOut: true });
    } else if (!this.requests.take(frame)) {
      if (this.#account) this.#account.handle(frame);
      else if (frame.msgid === Msg.ERROR) this.output.print(errorLine(frame));
    }
  }

  #goodbye({ reason, reconnect_ms }: FrameOf<typeof Msg.GOODBYE>): void {
    const final = lastWord(reason);
    if (this.#account && final !== undefined) return this.#accountOver(final);
    this.#link.pauseFor(reconnect_ms ?? 1000);
    if (this.#isWanted) this.#outage.announced(reason);
  }

  /** Whether anybody needs the connection. */
  get #isWanted(): boolean {
    return this.#account !== undefined || this.requests.open;
  }

  #down(cause: string): void {
    if (this.#isWanted) this.#outage.down(cause);
    this.#account?.down();
    this.requests.interrupted(cause);
    if (this.#leaving?.loggingOut) this.#left();
  }

  #sendRequest(request: Request): boolean {
    const alone = request.frame.msgid === Msg.LOGIN || request.frame.msgid === Msg.REGISTER;
    if (!alone && !this.#account?.ready) return false;
    return this.#link.send(JSON.stringify(request.frame));
  }

  /** Takes lines while none of the earlier ones is waiting for an answer, and leaves when it is time. */
  #settle(): void {
    while (this.#lines.length > 0 && this.#mayTake()) {
      const { text, taken } = this.#lines.shift()!;
      if (this.#account) this.#desk.line(text, this.#account);
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
    if (!this.#over) this.#link.want(this.#isWanted);
  }

  /** Whether nothing is left to wait for before leaving; the menu then takes the lines that are waiting. */
  #isIdle(leaving: Leaving): boolean {
    if (this.requests.open) return false;
    return !this.#account || (this.#account.unsent === 0 && !(leaving.patient && this.#account.catchingUp));
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
    const unsent = this.#account?.unsent ?? 0;
    if (this.interactive) return unsent < TYPED_BACKLOG;
    // In a pipe, `chat` and then `history` is to show the message.
    return unsent === 0 || (unsent < PIPE_BACKLOG && isMessage(this.#lines[0]?.text ?? ""));
  }

  #logOut(leaving: Leaving): void {
    if (!this.#account?.ready) return this.#left();
    leaving.loggingOut = true;
    leaving.cancel();
    leaving.cancel = this.#clock.after(LOGOUT_WITHIN, () => this.#left());
    this.#account.flush();
    this.#link.send(JSON.stringify({ msgid: Msg.LOGOUT, id: this.#account.id }));
  }

  #left({ isLoggedOut = false } = {}): void {
    // Nobody can log in on a connection on which the server may still know somebody.
    if (this.#account && !isLoggedOut) this.#link.drop("left without logging out");
    const leaving = this.#leaving;
    leaving?.cancel();
    this.#leaving = undefined;
    const unsent = this.#endAccount();
    if (leaving?.to === "menu") return this.#menu.show();
    const unanswered = this.requests.open;
    if (unanswered) this.output.print("left without the answer to the last request");
    const untaken = this.#lines.length;
    if (untaken > 0) this.output.print(`${untaken} line${untaken > 1 ? "s were" : " was"} not carried out`);
    this.#exit(unsent > 0 || unanswered || untaken > 0 ? 1 : 0);
  }

  #exit(code: number): void {
    this.#over = true;
    this.#link.stop();
    this.#options.exit(this.#failed && !this.interactive ? 1 : code);
  }

  #accountOver(reason: string): void {
    this.output.print(reason);
    this.#endAccount();
    this.requests.abandon();
    this.#link.drop("logged out");
    this.#outage.forget();
    if (this.#leaving) this.#left();
    else this.turnedAway();
  }

  #endAccount(): number {
    const unsent = this.#account?.end() ?? [];
    this.#account = undefined;
    for (const line of unsent) this.output.print(line);
    if (unsent.length > 0) {
      this.failed();
      this.output.print(`${unsent.length} message${unsent.length > 1 ? "s were" : " was"} not sent`);
    }
    return unsent.length;
  }
}
