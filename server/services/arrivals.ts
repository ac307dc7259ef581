import { parseConv, peerOf } from "../protocol/conversation.ts";
import type { Kind, LogMessage } from "../protocol/messages.ts";
import type { Session } from "./sessions.ts";

/** What an entry changes for one session. */
type Arrival = (session: Session, message: LogMessage) => void;

/** What entries change for a session of a conversation that they stand in, beside being pushed to it. */
const ARRIVALS: { readonly [K in Kind]?: Arrival } = {
  /** Nobody is told any more how a former friend is. */
  unfriend: ({ user, takenForOnline }, { conv }) => {
    const about = parseConv(conv);
    if (about?.kind === "pair") takenForOnline.delete(peerOf(about, user.id));
  },
};

/** An entry has come to a session: called for each entry once, in the order of its conversation, one's own as well. */
export function arrive(session: Session, message: LogMessage): void {
  ARRIVALS[message.kind]?.(session, message);
}
