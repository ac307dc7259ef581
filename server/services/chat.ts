import { Errno, Refusal } from "../errors.ts";
import { groupConv, pairConv } from "../protocol/conversation.ts";
import type { LogMessage } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import { type Answerable, answering, type Frame } from "../protocol/schemas.ts";
import type { LogStore, SocialStore, Store } from "../stores/store.ts";
import type { Delivery } from "./delivery.ts";
import type { Session, Sessions } from "./sessions.ts";
import { literalOf } from "./texts.ts";

/** Messages to a user or to a group. */
export class Chat {
  readonly #delivery: Delivery;
  readonly #social: SocialStore;
  readonly #log: LogStore;
  readonly #sessions: Sessions;
  readonly #maxBody: number;

  /** @param options `maxBody`: see {@linkcode literalOf}. */
  constructor(options: { delivery: Delivery; store: Store; sessions: Sessions; maxBody: number }) {
    this.#delivery = options.delivery;
    this.#social = options.store.social;
    this.#log = options.store.log;
    this.#sessions = options.sessions;
    this.#maxBody = options.maxBody;
  }

  /** @throws {Refusal} errno 100, 103 or 107. */
  async toUser(session: Session, frame: Frame<typeof Msg.CHAT>): Promise<void> {
    const said = this.#said(session, frame);
    const { id, name } = session.user;
    acknowledge(
      session,
      await this.#delivery.send({
        conv: pairConv(id, frame.toid),
        kind: "chat",
        sender: id,
        senderName: name,
        to: frame.toid,
        mid: frame.mid ?? null,
        ...said,
      }, session),
      frame,
    );
  }

  /** @throws {Refusal} errno 100, 104, 105 or 107. */
  async toGroup(session: Session, frame: Frame<typeof Msg.GROUP_CHAT>): Promise<void> {
    const said = this.#said(session, frame);
    if (!session.groups.has(frame.groupid)) await this.#find(session, frame.groupid);
    const { id, name } = session.user;
    acknowledge(
      session,
      await this.#delivery.send({
        conv: groupConv(frame.groupid),
        kind: "chat",
        sender: id,
        senderName: name,
        to: undefined,
        mid: frame.mid ?? null,
        ...said,
      }, session),
      frame,
    );
  }

  #said({ peer }: Session, frame: { msg: string; mid?: string | undefined; re?: number | undefined }) {
    // Without it a client could not tell which message was acknowledged, nor send it again safely.
    if (peer.generation === 2 && frame.mid === undefined) {
      throw new Refusal(Errno.BAD_FRAME, '"mid" is missing');
    }
    const body = literalOf(frame.msg, this.#maxBody);
    return frame.re === undefined || peer.generation === 1 ? { body } : { body, ref: frame.re };
  }

  /** The session may not know of a join that another one of its user, ended since, had under way. */
  async #find(session: Session, group: number): Promise<void> {
    await session.entering;
    if (session.groups.has(group)) return;
    const membership = await this.#log.membership(groupConv(group), session.user.id);
    if (membership) return await this.#sessions.joinGroup(session, { group, seq: membership.joined });
    throw await this.#social.groupExists(group)
      ? new Refusal(Errno.NOT_A_MEMBER, "you are not a member of this group")
      : new Refusal(Errno.NO_SUCH_GROUP, "no such group");
  }
}

/**
 * Tells the sender that its message is committed. A session that has ended meanwhile is told nothing of the kind: its
 * user may have another one by now, where the message is sent again and found.
 * @throws {Refusal} errno 108 if the session has ended.
 */
export function acknowledge(session: Session, message: LogMessage, request: Answerable = {}): void {
  const { mid, conv, seq, at } = message;
  if (session.ended && mid !== null) {
    throw new Refusal(Errno.NOT_STORED, "not certain, try again", { retryMs: 1000 });
  }
  const ack = { msgid: Msg.MESSAGE_ACK, conv, seq, at, ...answering(request) };
  session.peer.reply(mid === null ? ack : { ...ack, mid });
}
