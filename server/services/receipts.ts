import { parseConv, peerOf } from "../protocol/conversation.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { After } from "../system.ts";
import type { Delivery } from "./delivery.ts";
import type { Session, Sessions } from "./sessions.ts";

/** How long a receipt waits for newer ones of its conversation before the other side is told, in ms. */
const GATHER = 50;

/** How far one user has got in a conversation, as far as others have not been told. */
interface Due {
  readonly id: number;
  readonly conv: string;
  /** The other user who is told, in a conversation of two. */
  readonly to: number | undefined;
  /** The session that has read most. */
  from: Session;
  delivered: number;
  read: number;
}

/**
 * How far clients have got: moves their cursors at once, and tells the other side what is news, and the user's other
 * devices what was read. Receipts are cumulative:
 * of what comes in within a moment only the newest of each conversation is told, and "read" says "delivered" too.
 */
export class Receipts {
  readonly #delivery: Pick<Delivery, "tell">;
  readonly #sessions: Pick<Sessions, "of" | "mayBeElsewhere">;
  readonly #after: After;
  #due = new Map<string, Due>();
  #cancel: (() => void) | undefined;

  constructor(
    delivery: Pick<Delivery, "tell">,
    options: { sessions: Pick<Sessions, "of" | "mayBeElsewhere">; after: After },
  ) {
    this.#delivery = delivery;
    this.#sessions = options.sessions;
    this.#after = options.after;
  }

  /** @throws {Refusal} errno 100 or 109. */
  accept(session: Session, frame: Frame<typeof Msg.RECEIPT>): void | Promise<void> {
    const { conv, seq, kind } = frame;
    const { id } = session.user;
    if (session.entering && !session.inbox.knows(conv)) {
      return session.entering.then(() => session.ended ? undefined : this.accept(session, frame));
    }
    if (!session.inbox.confirm(conv, { seq, kind })) return;
    const about = parseConv(conv);
    const to = about?.kind === "pair" && about.low !== about.high ? peerOf(about, id) : undefined;
    if (to === undefined && (kind !== "read" || !this.#hasOthers(session))) return;
    const key = `${id} ${conv}`;
    const due = this.#due.get(key) ?? { id, conv, to, from: session, delivered: 0, read: 0 };
    if (kind === "read" && seq > due.read) due.from = session;
    due[kind] = Math.max(due[kind], seq);
    this.#due.set(key, due);
    this.#cancel ??= this.#after(GATHER, () => this.flush());
  }

  /** Whether the session's user may be logged in on other devices. */
  #hasOthers(session: Session): boolean {
    const { user } = session;
    return this.#sessions.of(user.id).some((other) => other !== session) ||
      this.#sessions.mayBeElsewhere(user.id);
  }

  /** Drops what waits: the numbers of the conversations mean other entries now. */
  forget(): void {
    this.#due.clear();
  }

  /** Tells what waits. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const waiting = this.#due;
    this.#due = new Map();
    for (const { id, conv, to, from, delivered, read } of waiting.values()) {
      if (to !== undefined && delivered > read) {
        this.#delivery.tell(to, { msgid: Msg.RECEIPT, id, conv, seq: delivered, kind: "delivered" });
      }
      if (read === 0) continue;
      const receipt = { msgid: Msg.RECEIPT, id, conv, seq: read, kind: "read" } as const;
      if (to !== undefined) this.#delivery.tell(to, receipt);
      if (this.#hasOthers(from)) this.#delivery.tell(id, receipt, from);
    }
  }
}
