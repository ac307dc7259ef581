import type { Journal } from "./journal.ts";
import { pairOf } from "./pair.ts";
import type { LineSocket } from "./socket.ts";
import { type Frame, MSG } from "./wire_frame.ts";

/** How long a connection is watched after it was given up, in ms: longer than any freeze. */
const WATCH = 25_000;

/** The session of a connection, and the log that it is about. */
export interface SessionOf {
  readonly session: string;
  readonly log: string;
}

interface Ghost extends SessionOf {
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * The connections that a client gave up because nothing came any more. They stay open, as half-dead ones do; once the
 * client is logged in elsewhere a message is tried on each of them, and whatever the server still does there goes into
 * the history: it would show that it serves two sessions of one user.
 */
export class Ghosts {
  readonly #user: number;
  readonly #journal: Journal;
  readonly #sockets = new Map<LineSocket, Ghost>();
  #isReplaced = false;

  constructor({ user, journal }: { user: number; journal: Journal }) {
    this.#user = user;
    this.#journal = journal;
  }

  add(socket: LineSocket, session: SessionOf): void {
    this.#isReplaced = false;
    this.#sockets.set(socket, { ...session, timer: setTimeout(() => this.#bury(socket), WATCH) });
    socket.closed.then(() => this.#bury(socket));
  }

  /** The user is logged in elsewhere. @param toid Whom to try a message to. */
  replaced(toid: number): void {
    this.#isReplaced = true;
    for (const [socket, ghost] of this.#sockets) {
      const mid = `ghost-${crypto.randomUUID().slice(0, 8)}`;
      this.#journal.record({ type: "invoke", ...this.#by(ghost), conv: pairOf(this.#user, toid), mid });
      socket.send({ msgid: MSG.CHAT, toid, msg: mid, mid });
    }
  }

  /** Something came in on a connection that had been given up. */
  take(socket: LineSocket, { msgid, conv, seq, mid, id, errno }: Frame): void {
    const ghost = this.#sockets.get(socket);
    if (!this.#isReplaced || !ghost || mid === undefined) return;
    const by = this.#by(ghost);
    if (msgid === MSG.ERROR) this.#journal.record({ type: "refused", ...by, mid, errno: errno ?? 0 });
    if (conv === undefined || seq === undefined) return;
    if (msgid === MSG.MESSAGE_ACK) this.#journal.record({ type: "ok", ...by, conv, seq, mid });
    const isPush = msgid === MSG.CHAT || msgid === MSG.GROUP_CHAT;
    if (isPush && id !== undefined) this.#journal.record({ type: "shown", ...by, conv, seq, mid, from: id });
  }

  close(): void {
    for (const socket of [...this.#sockets.keys()]) this.#bury(socket);
  }

  /** Nobody looks at what a ghost shows: to the history it is a client of its own. */
  #by({ session, log }: Ghost) {
    return { client: `${session} given up`, user: this.#user, session, log };
  }

  #bury(socket: LineSocket): void {
    clearTimeout(this.#sockets.get(socket)?.timer);
    this.#sockets.delete(socket);
    socket.close();
  }
}
