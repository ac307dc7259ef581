import { parseConv, peerOf } from "../protocol/conversation.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { Cursors } from "./cursors.ts";
import type { Session, Sessions } from "./sessions.ts";

/** How far clients have got: moves their cursors and tells the other side. */
export class Receipts {
  readonly #cursors: Cursors;
  readonly #sessions: Sessions;

  constructor(cursors: Cursors, sessions: Sessions) {
    this.#cursors = cursors;
    this.#sessions = sessions;
  }

  /** @throws {Refusal} errno 100 or 109. */
  accept(session: Session, frame: Frame<typeof Msg.RECEIPT>): void {
    const { conv, seq, kind } = frame;
    const { id } = session.user;
    session.inbox.confirm(conv, seq);
    if (kind === "read") this.#cursors.mark({ user: id, conv, read: seq });
    const about = parseConv(conv);
    if (about?.kind !== "pair" || about.low === about.high) return;
    this.#sessions.get(peerOf(about, id))?.peer.reply({ msgid: Msg.RECEIPT, id, conv, seq, kind });
  }
}
