import { Errno, Refusal } from "../errors.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { SocialStore } from "../stores/store.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Creating groups and joining them. */
export class Groups {
  readonly #social: SocialStore;
  readonly #sessions: Sessions;

  constructor(social: SocialStore, sessions: Sessions) {
    this.#social = social;
    this.#sessions = sessions;
  }

  async create(session: Session, frame: Frame<typeof Msg.CREATE_GROUP>): Promise<void> {
    const { groupname, groupdesc } = frame;
    const groupid = await this.#social.createGroup({
      name: groupname,
      description: groupdesc,
      creator: session.user.id,
    });
    await this.#sessions.joinGroup(session, { group: groupid, seq: 0 });
    session.peer.reply({ msgid: Msg.CREATE_GROUP_ACK, errno: Errno.OK, groupid, groupname });
  }

  /** Answers errno 104 and 111 in the JOIN_GROUP_ACK. */
  async join(session: Session, frame: Frame<typeof Msg.JOIN_GROUP>): Promise<void> {
    const { groupid } = frame;
    const result = await this.#social.joinGroup(groupid, session.user.id);
    if (typeof result === "object") {
      await this.#sessions.joinGroup(session, { group: groupid, seq: result.joined });
      session.peer.reply({ msgid: Msg.JOIN_GROUP_ACK, errno: Errno.OK, groupid });
      return;
    }
    const { errno, message } = result === "no_group"
      ? new Refusal(Errno.NO_SUCH_GROUP, "no such group")
      : new Refusal(Errno.ALREADY_DONE, "you are a member already");
    session.peer.reply({ msgid: Msg.JOIN_GROUP_ACK, errno, groupid, errmsg: message });
  }
}
