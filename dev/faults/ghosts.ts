import { GHOST, type Ledger } from "./ledger.ts";
import type { Score } from "./score.ts";
import type { LineSocket } from "./socket.ts";
import { type Frame, MSG } from "./wire_frame.ts";

/** How long a connection is watched after it was given up, in ms: longer than any freeze. */
const WATCH = 25_000;
/** What was under way when the new session began may still arrive, in ms. */
const CROSSING = 1000;

/**
 * The connections that a client gave up because nothing came any more. They stay open, as half-dead ones do; once the
 * client is logged in elsewhere a message is tried on each of them, and whatever the server still does there shows
 * that it serves two sessions of one user.
 */
export class Ghosts {
  readonly #user: number;
  readonly #score: Score;
  readonly #ledger: Ledger;
  readonly #now: () => number;
  readonly #sockets = new Map<LineSocket, ReturnType<typeof setTimeout>>();
  #replacedAt = Infinity;

  constructor(parts: { user: number; score: Score; ledger: Ledger; now: () => number }) {
    this.#user = parts.user;
    this.#score = parts.score;
    this.#ledger = parts.ledger;
    this.#now = parts.now;
  }

  add(socket: LineSocket): void {
    this.#replacedAt = Infinity;
    this.#sockets.set(socket, setTimeout(() => this.#bury(socket), WATCH));
    socket.closed.then(() => this.#bury(socket));
  }

  /** The user is logged in elsewhere. @param toid Whom to try a message to. */
  replaced(toid: number): void {
    this.#replacedAt = this.#now();
    for (const socket of this.#sockets.keys()) {
      const mid = GHOST + crypto.randomUUID().slice(0, 8);
      socket.send({ msgid: MSG.CHAT, toid, msg: mid, mid });
    }
  }

  /** Something came in on a connection that had been given up. */
  take(socket: LineSocket, frame: Frame): void {
    const late = this.#now() - this.#replacedAt;
    if (!this.#sockets.has(socket) || !(late > 0)) return;
    const { conv = "", seq, mid = "" } = frame;
    const says = (where: string) =>
      this.#score.violate({ flaw: "served on", conv, seq, mid, where: `user ${this.#user}: ${where}` });
    if (frame.msgid === MSG.MESSAGE_ACK && (mid.startsWith(GHOST) || late > CROSSING)) {
      says(`acknowledged on the old connection ${Math.round(late)} ms after the login on another one`);
    }
    const isPush = frame.msgid === MSG.CHAT || frame.msgid === MSG.GROUP_CHAT;
    const written = this.#ledger.get(mid)?.at ?? -Infinity;
    if (isPush && written > this.#replacedAt) {
      says(`pushed to the old connection ${Math.round(late)} ms after the login on another one`);
    }
  }

  close(): void {
    for (const socket of [...this.#sockets.keys()]) this.#bury(socket);
  }

  #bury(socket: LineSocket): void {
    clearTimeout(this.#sockets.get(socket));
    this.#sockets.delete(socket);
    socket.close();
  }
}
