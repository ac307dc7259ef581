import { Errno, Refusal } from "../errors.ts";
import { groupConv } from "../protocol/conversation.ts";
import type { Member } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import { answering, type Frame } from "../protocol/schemas.ts";
import type { LeaseStore, LogStore, SocialStore, Store } from "../stores/store.ts";
import type { Delivery } from "./delivery.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Members of a group that the answer to joining it shows, at most. */
const SHOWN = 200;

/** Creating groups and joining them. */
export class Groups {
  readonly #social: SocialStore;
  readonly #leases: Pick<LeaseStore, "online">;
  readonly #log: Pick<LogStore, "membership">;
  readonly #sessions: Sessions;
  readonly #delivery: Pick<Delivery, "joined">;

  constructor(
    store: Pick<Store, "social" | "leases" | "log">,
    { sessions, delivery }: { sessions: Sessions; delivery: Pick<Delivery, "joined"> },
  ) {
    this.#social = store.social;
    this.#leases = store.leases;
    this.#log = store.log;
    this.#sessions = sessions;
    this.#delivery = delivery;
  }

  async create(session: Session, frame: Frame<typeof Msg.CREATE_GROUP>): Promise<void> {
    const { groupname, groupdesc } = frame;
    const groupid = await this.#social.createGroup({
      name: groupname,
      description: groupdesc,
      creator: session.user.id,
    });
    await this.#delivery.joined(session.user.id, { group: groupid, seq: 0 });
    session.peer.reply({
      msgid: Msg.CREATE_GROUP_ACK,
      errno: Errno.OK,
      groupid,
      groupname,
      ...answering(frame),
    });
  }

  /** Answers errno 104 and 111 in the JOIN_GROUP_ACK. */
  async join(session: Session, frame: Frame<typeof Msg.JOIN_GROUP>): Promise<void> {
    const { groupid } = frame;
    const result = await this.#social.joinGroup(groupid, session.user.id);
    if (result === "already") await this.#enter(session, groupid);
    if (typeof result === "object") {
      await this.#delivery.joined(session.user.id, { group: groupid, seq: result.joined });
      const about = frame.details ? await this.#about(session, groupid) : {};
      session.peer.reply({
        msgid: Msg.JOIN_GROUP_ACK,
        errno: Errno.OK,
        groupid,
        ...about,
        ...answering(frame),
      });
      return;
    }
    const { errno, message } = result === "no_group"
      ? new Refusal(Errno.NO_SUCH_GROUP, "no such group")
      : new Refusal(Errno.ALREADY_DONE, "you are a member already");
    session.peer.reply({ msgid: Msg.JOIN_GROUP_ACK, errno, groupid, errmsg: message, ...answering(frame) });
  }

  /** A session may not know of a group whose answer to joining was lost. */
  async #enter(session: Session, group: number): Promise<void> {
    if (session.groups.has(group)) return;
    const membership = await this.#log.membership(groupConv(group), session.user.id);
    if (membership) await this.#sessions.joinGroup(session, { group, seq: membership.joined });
  }

  /** What one who has joined sees of the group. */
  async #about({ user }: Session, groupid: number) {
    const group = (await this.#social.groups(user.id)).find(({ id }) => id === groupid);
    if (!group) return {};
    const some = group.members.slice(0, SHOWN);
    const online = await this.#leases.online(some.map(({ id }) => id));
    const members = some.map(({ id, name, role }): Member => ({
      id,
      name,
      state: online.has(id) ? "online" : "offline",
      role,
    }));
    return { groupname: group.name, groupdesc: group.description, members };
  }
}
