import { Errno, Refusal } from "../errors.ts";
import { groupConv } from "../protocol/conversation.ts";
import type { ListedMember } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import { answering, type Frame } from "../protocol/schemas.ts";
import type { Store } from "../stores/store.ts";
import { stateOf } from "./overview.ts";
import type { Session } from "./sessions.ts";

/** Members of a group that the answer to joining it shows, at most. */
const SHOWN = 200;

/** Who is in a group. */
export class Members {
  readonly #store: Pick<Store, "social" | "leases" | "log">;

  constructor(store: Pick<Store, "social" | "leases" | "log">) {
    this.#store = store;
  }

  /**
   * Answers with one page, by id.
   * @throws {Refusal} errno 104 or 105.
   */
  async page(session: Session, frame: Frame<typeof Msg.MEMBERS>): Promise<void> {
    const { groupid, after, limit } = frame;
    await this.#check(session, groupid);
    const found = await this.#read(groupid, { after, limit: limit + 1 });
    session.peer.reply({
      msgid: Msg.DONE,
      ref: Msg.MEMBERS,
      members: found.slice(0, limit),
      more: found.length > limit,
      ...answering(frame),
    });
  }

  /** What one who has joined sees of the group. */
  async about({ user }: Session, groupid: number) {
    const [group, found] = await Promise.all([
      this.#store.social.group(groupid, user.id),
      this.#read(groupid, { after: 0, limit: SHOWN }),
    ]);
    if (!group) return {};
    const members = found.map(({ id, name, state, role }) => ({ id, name, state, role }));
    return { groupname: group.name, groupdesc: group.description, size: group.size, members };
  }

  async #read(group: number, page: { after: number; limit: number }): Promise<ListedMember[]> {
    const rows = await this.#store.social.members(group, page);
    const online = await this.#store.leases.online(rows.map(({ id }) => id));
    return rows.map(({ id, name, role, joined, muted }) => ({
      id,
      name,
      state: stateOf(online, id),
      role,
      joined,
      muted,
    }));
  }

  async #check({ groups, user }: Session, group: number): Promise<void> {
    if (groups.has(group)) return;
    const { social, log } = this.#store;
    if (await log.membership(groupConv(group), user.id)) return;
    throw await social.groupExists(group)
      ? new Refusal(Errno.NOT_A_MEMBER, "you are not a member of this group")
      : new Refusal(Errno.NO_SUCH_GROUP, "no such group");
  }
}
