import { Errno, Refusal } from "../errors.ts";
import { groupConv } from "../protocol/conversation.ts";
import { Msg } from "../protocol/msgid.ts";
import { answering, type Frame } from "../protocol/schemas.ts";
import type { GroupLimits, Joined, LogStore, SocialStore, Store } from "../stores/store.ts";
import type { Delivery } from "./delivery.ts";
import type { Members } from "./members.ts";
import type { Session, Sessions } from "./sessions.ts";

const GROUPS_FULL = "you are in as many groups as a user may be";

const NOT_JOINED = {
  no_group: [Errno.NO_SUCH_GROUP, "no such group"],
  already: [Errno.ALREADY_DONE, "you are a member already"],
  group_full: [Errno.FULL, "the group has as many members as it may have"],
  groups_full: [Errno.FULL, GROUPS_FULL],
} as const satisfies Record<Exclude<Joined, object>, readonly [Errno, string]>;

/** Creating groups and joining them. */
export class Groups {
  readonly #social: SocialStore;
  readonly #log: Pick<LogStore, "membership">;
  readonly #sessions: Sessions;
  readonly #delivery: Pick<Delivery, "joined">;
  readonly #members: Pick<Members, "about">;
  readonly #limits: GroupLimits;

  constructor(options: {
    store: Pick<Store, "social" | "log">;
    sessions: Sessions;
    delivery: Pick<Delivery, "joined">;
    members: Pick<Members, "about">;
    limits: GroupLimits;
  }) {
    this.#social = options.store.social;
    this.#log = options.store.log;
    this.#sessions = options.sessions;
    this.#delivery = options.delivery;
    this.#members = options.members;
    this.#limits = options.limits;
  }

  /** @throws {Refusal} errno 113. */
  async create(session: Session, frame: Frame<typeof Msg.CREATE_GROUP>): Promise<void> {
    const { groupname, groupdesc } = frame;
    const groupid = await this.#social.createGroup({
      name: groupname,
      description: groupdesc,
      creator: session.user.id,
    }, this.#limits);
    if (groupid === undefined) throw new Refusal(Errno.FULL, GROUPS_FULL);
    await this.#delivery.joined(session.user.id, { group: groupid, seq: 0 });
    session.peer.reply({
      msgid: Msg.CREATE_GROUP_ACK,
      errno: Errno.OK,
      groupid,
      groupname,
      ...answering(frame),
    });
  }

  /** Answers errno 104, 111 and 113 in the JOIN_GROUP_ACK. */
  async join(session: Session, frame: Frame<typeof Msg.JOIN_GROUP>): Promise<void> {
    const { groupid } = frame;
    const result = await this.#social.joinGroup(groupid, session.user.id, this.#limits);
    if (result === "already") await this.#enter(session, groupid);
    if (typeof result === "object") {
      await this.#delivery.joined(session.user.id, { group: groupid, seq: result.joined });
      const about = frame.details ? await this.#members.about(session, groupid) : {};
      session.peer.reply({
        msgid: Msg.JOIN_GROUP_ACK,
        errno: Errno.OK,
        groupid,
        ...about,
        ...answering(frame),
      });
      return;
    }
    const [errno, errmsg] = NOT_JOINED[result];
    session.peer.reply({ msgid: Msg.JOIN_GROUP_ACK, errno, groupid, errmsg, ...answering(frame) });
  }

  /** A session may not know of a group whose answer to joining was lost. */
  async #enter(session: Session, group: number): Promise<void> {
    await session.entering;
    if (session.groups.has(group)) return;
    const membership = await this.#log.membership(groupConv(group), session.user.id);
    if (membership) await this.#sessions.joinGroup(session, { group, seq: membership.joined });
  }
}
