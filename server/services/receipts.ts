import { parseConv, peerOf } from "../protocol/conversation.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { Cursors } from "./cursors.ts";
import type { Delivery } from "./delivery.ts";
import type { Session } from "./sessions.ts";

/** How far clients have got: moves their cursors and tells the other side. */
export class Receipts {
  readonly #cursors: Cursors;
  readonly #delivery: Delivery;

  constructor(cursors: Cursors, delivery: Delivery) {
    this.#cursors = cursors;
    this.#delivery = delivery;
  }

  /** @throws {Refusal} errno 100 or 109. */
  accept(session: Session, frame: Frame<typeof Msg.RECEIPT>): void {
    const { conv, seq, kind } = frame;
    const { id } = session.user;
    session.inbox.confirm(conv, seq);
    if (kind === "read") this.#cursors.mark({ user: id, conv, read: seq });
    const about = parseConv(conv);
    if (about?.kind !== "pair" || about.low === about.high) return;
    this.#delivery.tell(peerOf(about, id), { msgid: Msg.RECEIPT, id, conv, seq, kind });
  }
}
