import { parseConv, peerOf } from "../protocol/conversation.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { Delivery } from "./delivery.ts";
import type { Session } from "./sessions.ts";

/** How far clients have got: moves their cursors and tells the other side what is news. */
export class Receipts {
  readonly #delivery: Delivery;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** @throws {Refusal} errno 100 or 109. */
  accept(session: Session, frame: Frame<typeof Msg.RECEIPT>): void {
    const { conv, seq, kind } = frame;
    const { id } = session.user;
    if (!session.inbox.confirm(conv, { seq, kind })) return;
    const about = parseConv(conv);
    if (about?.kind !== "pair" || about.low === about.high) return;
    this.#delivery.tell(peerOf(about, id), { msgid: Msg.RECEIPT, id, conv, seq, kind });
  }
}
