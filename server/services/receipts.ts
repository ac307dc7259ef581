import { parseConv, peerOf } from "../protocol/conversation.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { After } from "../system.ts";
import type { Delivery } from "./delivery.ts";
import type { Session } from "./sessions.ts";

/** How long a receipt waits for newer ones of its conversation before the other side is told, in ms. */
const GATHER = 50;

/** How far one user has got in a conversation with another one, as far as the other one has not been told. */
interface Due {
  readonly id: number;
  readonly conv: string;
  /** Who is told. */
  readonly to: number;
  delivered: number;
  read: number;
}

/**
 * How far clients have got: moves their cursors at once, and tells the other side what is news. Receipts are cumulative:
 * of what comes in within a moment only the newest of each conversation is told, and "read" says "delivered" too.
 */
export class Receipts {
  readonly #delivery: Pick<Delivery, "tell">;
  readonly #after: After;
  #due = new Map<string, Due>();
  #cancel: (() => void) | undefined;

  constructor(delivery: Pick<Delivery, "tell">, { after }: { after: After }) {
    this.#delivery = delivery;
    this.#after = after;
  }

  /** @throws {Refusal} errno 100 or 109. */
  accept(session: Session, frame: Frame<typeof Msg.RECEIPT>): void {
    const { conv, seq, kind } = frame;
    const { id } = session.user;
    if (!session.inbox.confirm(conv, { seq, kind })) return;
    const about = parseConv(conv);
    if (about?.kind !== "pair" || about.low === about.high) return;
    const key = `${id} ${conv}`;
    const due = this.#due.get(key) ?? { id, conv, to: peerOf(about, id), delivered: 0, read: 0 };
    due[kind] = Math.max(due[kind], seq);
    this.#due.set(key, due);
    this.#cancel ??= this.#after(GATHER, () => this.flush());
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
    for (const { id, conv, to, delivered, read } of waiting.values()) {
      if (delivered > read) {
        this.#delivery.tell(to, { msgid: Msg.RECEIPT, id, conv, seq: delivered, kind: "delivered" });
      }
      if (read > 0) this.#delivery.tell(to, { msgid: Msg.RECEIPT, id, conv, seq: read, kind: "read" });
    }
  }
}
