import { Errno, Refusal } from "../errors.ts";
import { pairConv } from "../protocol/conversation.ts";
import type { Kind, LogMessage } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Answerable, Frame } from "../protocol/schemas.ts";
import { acknowledge } from "./chat.ts";
import type { Delivery } from "./delivery.ts";
import type { Presence } from "./presence.ts";
import type { SocialStore } from "../stores/store.ts";
import type { Session } from "./sessions.ts";

/** The sentence of a friend request. */
export const requestSentence = ({ id, name }: { id: number; name: string }): string =>
  `${name} (${id}) would like to be your friend`;

/** Becoming friends: a request and its answer, both entries of the two users' conversation. */
export class Friends {
  readonly #delivery: Delivery;
  readonly #presence: Pick<Presence, "show">;
  readonly #social: Pick<SocialStore, "requests">;
  readonly #maxFriends: number;

  /** @param options `maxFriends`: how many a user may have. */
  constructor(options: {
    delivery: Delivery;
    presence: Pick<Presence, "show">;
    social: Pick<SocialStore, "requests">;
    maxFriends: number;
  }) {
    this.#delivery = options.delivery;
    this.#presence = options.presence;
    this.#social = options.social;
    this.#maxFriends = options.maxFriends;
  }

  /**
   * Who speaks v1 may ask again: those who are asked see a request at their logins only, so people repeat it. Nothing
   * further is stored then.
   * @throws {Refusal} errno 103, 109 (oneself) or 111 (friends already, or asked already).
   */
  async request(session: Session, frame: Frame<typeof Msg.FRIEND_REQUEST>): Promise<void> {
    const { id, name } = session.user;
    if (frame.friendid === id) throw new Refusal(Errno.NOT_ALLOWED, "you cannot be your own friend");
    try {
      await this.#send(session, frame, { kind: "request", text: requestSentence({ id, name }) });
    } catch (error) {
      const isDone = error instanceof Refusal && error.errno === Errno.ALREADY_DONE;
      if (!isDone || session.peer.generation !== 1) throw error;
      const waiting = await this.#social.requests(frame.friendid);
      if (!waiting.some((asker) => asker.id === id)) throw error;
    }
  }

  /** @throws {Refusal} errno 103, 109 (nobody asked) or 113 (one of the two has as many friends as a user may have). */
  async respond(session: Session, frame: Frame<typeof Msg.FRIEND_RESPONSE>): Promise<void> {
    const { id, name } = session.user;
    await this.#send(session, frame, {
      kind: frame.flag ? "accept" : "refuse",
      text: frame.flag
        ? `${name} (${id}) accepted your friend request`
        : `${name} (${id}) declined your friend request`,
    });
    if (frame.flag && frame.details) await this.#presence.show(session.user.id, frame.friendid);
  }

  async #send(
    session: Session,
    frame: Answerable & { friendid: number; mid?: string | undefined },
    entry: { kind: Kind; text: string },
  ): Promise<void> {
    const { id, name } = session.user;
    const stored: LogMessage = await this.#delivery.send({
      conv: pairConv(id, frame.friendid),
      kind: entry.kind,
      sender: id,
      senderName: name,
      to: frame.friendid,
      mid: frame.mid ?? null,
      body: JSON.stringify(entry.text),
      maxFriends: this.#maxFriends,
    }, session);
    acknowledge(session, stored, frame);
  }
}
