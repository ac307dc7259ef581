import { Ghosts } from "./ghosts.ts";
import type { Ledger } from "./ledger.ts";
import { Outgoing } from "./outgoing.ts";
import type { Random } from "./random.ts";
import type { Score } from "./score.ts";
import { Seen } from "./seen.ts";
import { isGone, LineSocket } from "./socket.ts";
import { type Frame, isPassing, MSG, readFrame } from "./wire_frame.ts";

/** Shorter than the real client's, so that a run of minutes sees many of them, in ms. */
const PING_AFTER = 4000;
const GIVE_UP_AFTER = 8000;
const LOGIN_WITHIN = 8000;
const BACKOFF = { first: 200, last: 2000 } as const;
const TICK = 200;
/** How long a receipt waits for others, in ms. */
const RECEIPT_PAUSE = 100;

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
  readonly ledger: Ledger;
  readonly random: Random;
  readonly now: () => number;
}

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
  /** The name of the log that the present session is about. */
  #log = "";
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
    this.#ghosts = new Ghosts({ ...parts, user: parts.id });
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
    const { mid, text } = this.#parts.ledger.write({ sender: this.id, n: ++this.#n, conv }, size);
    const msgid = "toid" in address ? MSG.CHAT : MSG.GROUP_CHAT;
    this.#outgoing.add(conv, { mid, text: JSON.stringify({ msgid, ...address, msg: text, mid }) });
    this.#pump();
    return mid;
  }

  /** Leaves and comes back, as people do. */
  leave(): void {
    this.#leaving = true;
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
    if (how === "gave up" && this.#ready) this.#ghosts.add(socket);
    else socket.close();
    this.#socket = undefined;
    this.#ready = false;
    this.#outgoing.restart();
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
        return this.#pushed(frame);
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
    const others = this.#parts.random.between(1, 2);
    this.#ghosts.replaced(this.id > others ? this.id - others : this.id + others);
    this.#pump();
  }

  /** Under another name the log is another history: what is held is void, and the other log may lack its end. */
  #follow({ log = "", conversations = [] }: Frame): void {
    if (this.#log !== "" && log !== this.#log) {
      this.seen.restart(new Map(conversations.map(({ conv, delivered }) => [conv, delivered])));
      this.#outgoing.sendAgain();
    }
    this.#log = log;
  }

  #loginRefused({ errno, errmsg, retry_ms }: Frame): void {
    const mayPass = errno === 2 || errno === 112 || isPassing(errno);
    if (!mayPass) {
      const where = `user ${this.id} could not log in: ${errno} ${errmsg}`;
      this.#parts.score.violate({ flaw: "refused", conv: "", seq: undefined, mid: "", where });
    }
    this.#loginAt = this.#parts.now() + (retry_ms ?? this.#backoff()) + 100;
  }

  #pushed({ conv, seq, mid, id, msg }: Frame): void {
    if (conv === undefined || seq === undefined || mid === undefined || id === undefined) {
      const where = `user ${this.id} was pushed a message without its fields`;
      return this.#parts.score.violate({ flaw: "damaged", conv: conv ?? "", seq, mid: mid ?? "", where });
    }
    this.#confirmSoon(conv);
    if (this.seen.add(conv, seq)) {
      const reader = { id: this.id, awakeSince: this.#awakeSince, log: this.#log };
      this.#parts.ledger.show(reader, { conv, seq, mid, sender: id, text: msg ?? "" });
    } else {
      this.#parts.score.repeats++;
    }
  }

  #acknowledged({ conv, seq, mid }: Frame): void {
    if (conv === undefined || seq === undefined || mid === undefined) return;
    const sender = { awakeSince: this.#awakeSince, log: this.#log };
    if (!this.#parts.ledger.acknowledge({ mid, conv, seq }, sender)) return;
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
    if (isPassing(errno)) return this.#outgoing.postpone(mid, this.#parts.now() + (retry_ms ?? 1000));
    this.#parts.ledger.refuse(mid, `refused to user ${this.id}: ${errno} ${errmsg}`);
    const conv = this.#parts.ledger.get(mid)?.conv;
    if (conv !== undefined) this.#outgoing.remove(conv, mid);
  }

  #confirmSoon(conv: string): void {
    this.#receipts.add(conv);
    this.#receiptsAt = Math.min(this.#receiptsAt, this.#parts.now() + RECEIPT_PAUSE);
  }

  #sendReceipts(): void {
    if (!this.#ready || !this.#socket) return;
    for (const conv of this.#receipts) {
      this.#socket.send({ msgid: MSG.RECEIPT, conv, seq: this.seen.top(conv), kind: "delivered" });
    }
    this.#receipts.clear();
    this.#receiptsAt = Infinity;
  }

  #pump(): void {
    if (!this.#ready || !this.#socket || this.#suspended) return;
    for (const text of this.#outgoing.take(this.#parts.now())) this.#socket.send(text);
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
