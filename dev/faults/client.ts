import { isPassing } from "../proof/history.ts";
import { Ghosts } from "./ghosts.ts";
import { digestOf, type Draft, type Journal } from "./journal.ts";
import { Outgoing } from "./outgoing.ts";
import type { Random } from "./random.ts";
import type { Score } from "./score.ts";
import { Seen } from "./seen.ts";
import { isGone, LineSocket } from "./socket.ts";
import { entryOf, type Frame, MSG, readFrame } from "./wire_frame.ts";

/** Shorter than the real client's, so that a run of minutes sees many of them, in ms. */
const PING_AFTER = 4000;
const GIVE_UP_AFTER = 8000;
const LOGIN_WITHIN = 8000;
const BACKOFF = { first: 200, last: 2000 } as const;
const TICK = 200;
/** How long a receipt waits for others, in ms. */
const RECEIPT_PAUSE = 100;
/** How often what was delivered has been read as well. */
const READ = 0.3;

/** Where a message goes: to one user, or into a group. */
export type Target =
  | { readonly conv: string; readonly toid: number }
  | { readonly conv: string; readonly groupid: number };

export interface ClientParts {
  readonly id: number;
  readonly token: string;
  /** Where to dial. */
  readonly port: number;
  readonly score: Score;
  readonly journal: Journal;
  readonly random: Random;
  readonly now: () => number;
}

/** An event without who it is of. */
type Unsigned = Draft extends infer One
  ? One extends Draft ? Omit<One, "client" | "user" | "session" | "log"> : never
  : never;

/**
 * A user's client, without the user: what the real one promises, in the suite's own words. It keeps what was not
 * acknowledged and sends it again under the same mid and in order, reconnects, drops what it has by (conv, seq), and
 * gives up a server that says nothing.
 */
export class ModelClient {
  readonly id: number;
  readonly seen = new Seen();
  readonly #parts: ClientParts;
  readonly #outgoing = new Outgoing();
  readonly #ghosts: Ghosts;
  readonly #stopping = Promise.withResolvers<void>();
  #token: string;
  /** The name of the log that the present session is about; "" by a server that names none. */
  #log: string | undefined;
  /** What this client's sessions are called in the history: they are numbered. */
  #session = "";
  #sessions = 0;
  #n = 0;
  #socket: LineSocket | undefined;
  #end: (how: "gave up" | "done") => void = () => {};
  #ready = false;
  #heard = 0;
  #pinged = false;
  /** When to log in (again) on this connection, and until when an answer has to be there. */
  #loginAt = Infinity;
  #answerBy = Infinity;
  #failures = 0;
  #pause: number | undefined;
  #stopped = false;
  #living: Promise<void> = Promise.resolve();
  #ticking: ReturnType<typeof setInterval> | undefined;
  #suspended = false;
  #leaving = false;
  /** How many sessions ended without this client's will. */
  lost = 0;
  #awakeSince = 0;
  readonly #receipts = new Set<string>();
  #receiptsAt = Infinity;

  constructor(parts: ClientParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#token = parts.token;
    this.#ghosts = new Ghosts({ user: parts.id, journal: parts.journal });
  }

  /** Logged in on the present connection. */
  get ready(): boolean {
    return this.#ready;
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  /** How many messages are not acknowledged. */
  get unsent(): number {
    return this.#outgoing.size;
  }

  /** The mids of messages that are not acknowledged. */
  waiting(): string[] {
    return this.#outgoing.mids();
  }

  /** What it logs in with. */
  get token(): string {
    return this.#token;
  }

  /** This side's port of the connection, by which the proxy knows it. */
  get port(): number | undefined {
    return this.#socket?.port;
  }

  start(): void {
    this.#ticking = setInterval(() => this.#tick(), TICK);
    this.#living = this.#live();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#ticking);
    this.#stopping.resolve();
    await this.#living;
    this.#ghosts.close();
  }

  /** Writes a message; its mid. */
  write(target: Target, size = 0): string {
    const { conv, ...address } = target;
    const mid = `${this.id}-${++this.#n}`;
    const text = this.#parts.journal.write({ mid, conv }, size);
    const msgid = "toid" in address ? MSG.CHAT : MSG.GROUP_CHAT;
    const frame = JSON.stringify({ msgid, ...address, msg: text, mid });
    this.#outgoing.add({ conv, mid, frame, digest: digestOf(text) });
    this.#pump();
    return mid;
  }

  /** Leaves and comes back, as people do. @param pause After so long, in ms; soon, if left out. */
  leave(pause?: number): void {
    this.#leaving = true;
    this.#pause = pause;
    this.#end("done");
  }

  /** The program is stopped, and with it its clocks, until the returned function is called. */
  suspend(): () => void {
    this.#suspended = true;
    return () => {
      this.#suspended = false;
      this.#heard = this.#awakeSince = this.#parts.now();
    };
  }

  /** The history gets to know what the client holds of these conversations, and that it ends here. */
  sayEnd(conversations: Iterable<string>): void {
    for (const conv of conversations) this.#record({ type: "end", conv, ...this.seen.range(conv) });
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      try {
        const socket = await LineSocket.dial(this.#parts.port, (from, line) => this.#take(from, line));
        await this.#serve(socket);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
      await this.#wait(this.#pause ?? this.#backoff());
      this.#pause = undefined;
    }
  }

  async #serve(socket: LineSocket): Promise<void> {
    const { now } = this.#parts;
    this.#socket = socket;
    this.#heard = now();
    this.#loginAt = -Infinity;
    this.#answerBy = Infinity;
    const ended = Promise.withResolvers<"gave up" | "done">();
    this.#end = ended.resolve;
    this.#tick();
    const how = await Promise.race([ended.promise, socket.closed, this.#stopping.promise]);
    if (this.#ready && !this.#leaving && !this.#stopped) this.lost++;
    this.#leaving = false;
    if (how === "gave up" && this.#ready) {
      this.#ghosts.add(socket, { session: this.#session, log: this.#log ?? "" });
    } else socket.close();
    // A login that was not answered may have been accepted all the same.
    if (this.#ready || this.#answerBy < Infinity) {
      this.#record({ type: "left", how: how === "gave up" ? "silent" : "cut" });
    }
    this.#socket = undefined;
    this.#ready = false;
    for (const mid of this.#outgoing.restart()) this.#record({ type: "unknown", mid });
  }

  /** Adds to the history, as of the present session and its log. */
  #record(draft: Unsigned): void {
    const by = { client: String(this.id), user: this.id, session: this.#session, log: this.#log ?? "" };
    this.#parts.journal.record({ ...by, ...draft });
  }

  #tick(): void {
    const now = this.#parts.now();
    if (!this.#socket || this.#suspended) return;
    if (now - this.#heard > GIVE_UP_AFTER || now > this.#answerBy) return this.#end("gave up");
    if (now - this.#heard > PING_AFTER && !this.#pinged) {
      this.#pinged = true;
      this.#socket.send({ msgid: MSG.PING });
    }
    if (now >= this.#loginAt) {
      this.#loginAt = Infinity;
      this.#answerBy = now + LOGIN_WITHIN;
      this.#record({ type: "logging in" });
      this.#socket.send({ msgid: MSG.LOGIN, v: 2, id: this.id, token: this.#token, takeover: true });
    }
    if (now >= this.#receiptsAt) this.#sendReceipts();
    this.#pump();
  }

  #take(socket: LineSocket, line: string): void {
    let frame: Frame;
    try {
      frame = readFrame(line);
    } catch (error) {
      const where = `user ${this.id} was sent what is not a frame: ${error}`;
      return this.#parts.score.violate({ flaw: "damaged", conv: "", seq: undefined, mid: "", where });
    }
    if (socket !== this.#socket) return this.#ghosts.take(socket, frame);
    this.#heard = this.#parts.now();
    this.#pinged = false;
    switch (frame.msgid) {
      case MSG.LOGIN_ACK:
        return this.#loggedIn(frame);
      case MSG.CHAT:
      case MSG.GROUP_CHAT:
      case MSG.FRIEND_REQUEST:
      case MSG.FRIEND_RESPONSE:
        return this.#pushed(frame);
      case MSG.RECEIPT:
        return this.#heardReceipt(frame);
      case MSG.PRESENCE:
        return this.#heardPresence(frame);
      case MSG.MESSAGE_ACK:
        return this.#acknowledged(frame);
      case MSG.ERROR:
        return this.#refused(frame);
      case MSG.PING:
        return socket.send({ msgid: MSG.PONG });
      case MSG.GOODBYE:
        this.#pause = (frame.reconnect_ms ?? 0) + this.#parts.random.between(0, BACKOFF.first);
        return this.#end("done");
    }
  }

  #loggedIn(ack: Frame): void {
    this.#answerBy = Infinity;
    if (ack.errno !== 0) return this.#loginRefused(ack);
    this.#ready = true;
    this.#failures = 0;
    this.#token = ack.token ?? this.#token;
    this.#follow(ack);
    for (const friend of ack.friends ?? []) this.#heardPresence(friend);
    const others = this.#parts.random.between(1, 2);
    this.#ghosts.replaced(this.id > others ? this.id - others : this.id + others);
    this.#pump();
  }

  /**
   * A client that begins takes for delivered what the server says. Under another name the log is another history: what
   * is held is void, and the other log may lack its end.
   */
  #follow({ log = "", conversations = [] }: Frame): void {
    const isOther = log !== this.#log;
    const delivered = new Map(conversations.map(({ conv, delivered }) => [conv, delivered]));
    if (isOther) this.seen.restart(delivered);
    if (isOther && this.#log !== undefined) this.#outgoing.sendAgain();
    this.#log = log;
    this.#session = `${this.id}.${++this.#sessions}`;
    this.#record({ type: "login", ...(isOther ? { delivered: Object.fromEntries(delivered) } : {}) });
  }

  #loginRefused({ errno, errmsg, retry_ms }: Frame): void {
    const mayPass = errno === 2 || errno === 112 || isPassing(errno ?? 0);
    if (!mayPass) {
      const where = `user ${this.id} could not log in: ${errno} ${errmsg}`;
      this.#parts.score.violate({ flaw: "refused for good", conv: "", seq: undefined, mid: "", where });
    }
    this.#loginAt = this.#parts.now() + (retry_ms ?? this.#backoff()) + 100;
  }

  #pushed(frame: Frame): void {
    const entry = entryOf(frame);
    if (entry === undefined) {
      const { conv = "", seq, mid = "" } = frame;
      const where = `user ${this.id} was pushed a message without its fields`;
      return this.#parts.score.violate({ flaw: "damaged", conv, seq, mid, where });
    }
    const { conv, seq, mid } = entry;
    this.#confirmSoon(conv);
    if (!this.seen.add(conv, seq)) {
      this.#parts.score.repeats++;
      return;
    }
    this.#record({ type: "shown", ...entry });
    if (mid !== undefined) this.#parts.journal.shown(mid, { reader: this.id, awakeSince: this.#awakeSince });
  }

  #heardReceipt({ conv, seq, id, kind }: Frame): void {
    if (conv === undefined || seq === undefined || id === undefined || kind === undefined) return;
    this.#record({ type: "receipt seen", conv, seq, of: id, upTo: kind });
  }

  #heardPresence({ id, state }: Pick<Frame, "id" | "state">): void {
    if (id !== undefined && state !== undefined) this.#record({ type: "presence", of: id, state });
  }

  #acknowledged({ conv, seq, mid }: Frame): void {
    if (conv === undefined || seq === undefined || mid === undefined) return;
    this.#record({ type: "ok", conv, seq, mid });
    this.#parts.journal.acknowledged(mid, this.#awakeSince);
    this.seen.add(conv, seq);
    // The server counts its own too: of an older log it says no more than how much was delivered.
    this.#confirmSoon(conv);
    this.#outgoing.acknowledge(conv, { mid, now: this.#parts.now() });
    this.#pump();
  }

  #refused({ errno, errmsg, ref, mid, retry_ms }: Frame): void {
    if (ref === MSG.RECEIPT || ref === MSG.PING) return;
    // The server does not know this login (any more).
    if (errno === 102) return this.#end("done");
    if (ref === MSG.LOGIN) return this.#loggedIn({ msgid: MSG.LOGIN_ACK, errno: errno ?? 0 });
    if (mid === undefined) return;
    this.#record({ type: "refused", mid, errno: errno ?? 0 });
    if (isPassing(errno ?? 0)) return this.#outgoing.postpone(mid, this.#parts.now() + (retry_ms ?? 1000));
    const conv = this.#parts.journal.get(mid)?.conv ?? "";
    const where = `user ${this.id} is told: ${errno} ${errmsg}`;
    this.#parts.score.violate({ flaw: "refused for good", conv, seq: undefined, mid, where });
    this.#outgoing.remove(conv, mid);
  }

  #confirmSoon(conv: string): void {
    this.#receipts.add(conv);
    this.#receiptsAt = Math.min(this.#receiptsAt, this.#parts.now() + RECEIPT_PAUSE);
  }

  #sendReceipts(): void {
    if (!this.#ready || !this.#socket) return;
    for (const conv of this.#receipts) {
      this.#sendReceipt(conv, "delivered");
      if (this.#parts.random.chance(READ)) this.#sendReceipt(conv, "read");
    }
    this.#receipts.clear();
    this.#receiptsAt = Infinity;
  }

  #sendReceipt(conv: string, kind: "delivered" | "read"): void {
    const seq = this.seen.top(conv);
    this.#record({ type: "receipt", conv, seq, upTo: kind });
    this.#socket?.send({ msgid: MSG.RECEIPT, conv, seq, kind });
  }

  #pump(): void {
    if (!this.#ready || !this.#socket || this.#suspended) return;
    for (const { conv, mid, frame, digest } of this.#outgoing.take(this.#parts.now())) {
      this.#record({ type: "invoke", conv, mid, text: digest });
      this.#socket.send(frame);
    }
  }

  /** Full jitter: many that were cut off at once do not come back at once. */
  #backoff(): number {
    const most = Math.min(BACKOFF.first * 2 ** this.#failures++, BACKOFF.last);
    return Math.ceil(most * this.#parts.random.next());
  }

  async #wait(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      new Promise<void>((resolve) => timer = setTimeout(resolve, ms)),
      this.#stopping.promise,
    ]);
    clearTimeout(timer);
  }
}
