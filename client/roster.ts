import type { FrameOf, Friend, Group } from "./frames.ts";
import type { Msg } from "../server/protocol/msgid.ts";
import { sanitize } from "./sanitize.ts";

/** Friends and groups as last heard from the server. */
export class Roster {
  readonly #friends = new Map<number, Friend>();
  readonly #groups = new Map<number, Group>();
  readonly #names = new Map<number, string>();
  /** Who has asked to become friends and was not answered. */
  readonly #requests = new Set<number>();

  /** Takes what LOGIN_ACK says instead of what was known. */
  replace(ack: FrameOf<typeof Msg.LOGIN_ACK>): void {
    this.#friends.clear();
    this.#groups.clear();
    for (const friend of ack.friends) this.befriend(friend);
    for (const group of ack.groups) {
      this.#groups.set(group.id, group);
      for (const member of group.members) this.named(member.id, member.name);
    }
  }

  named(id: number, name: string): void {
    this.#names.set(id, name);
  }

  /** `[2] bob`, or `[2]` if the name was never heard. */
  who(id: number): string {
    const name = this.#names.get(id);
    return name === undefined ? `[${id}]` : `[${id}] ${sanitize(name)}`;
  }

  /** A new friend; the state stays unknown until the server tells it. */
  befriend(friend: { id: number; name?: string | undefined; state?: string }): void {
    const name = friend.name ?? this.#names.get(friend.id) ?? "";
    if (name !== "") this.named(friend.id, name);
    const state = friend.state ?? this.#friends.get(friend.id)?.state ?? "unknown";
    this.#friends.set(friend.id, { id: friend.id, name, state });
  }

  unfriend(id: number): void {
    this.#friends.delete(id);
  }

  /** Who has this name, as far as it was heard; undefined if nobody has. */
  idOf(name: string): number | undefined {
    for (const [id, known] of this.#names) if (known === name) return id;
    return undefined;
  }

  /** Somebody would like to be friends. */
  asked(id: number): void {
    this.#requests.add(id);
  }

  /** A request was answered, or there was none. */
  answered(id: number): void {
    this.#requests.delete(id);
  }

  joined(group: Group): void {
    this.#groups.set(group.id, group);
    for (const member of group.members) this.named(member.id, member.name);
  }

  /** The ids of the groups with this name, which need not be unique. */
  groupsNamed(name: string): number[] {
    return [...this.#groups.values()].filter(({ groupname }) => groupname === name).map(({ id }) => id);
  }

  presence(id: number, state: string): void {
    const friend = this.#friends.get(id);
    if (friend) friend.state = state;
    for (const group of this.#groups.values()) {
      for (const member of group.members) if (member.id === id) member.state = state;
    }
  }

  friendLines(): string[] {
    if (this.#friends.size === 0) return ["no friends yet: addfriend:friendid asks somebody"];
    return [...this.#friends.values()].map((friend) =>
      `friend ${this.who(friend.id)} ${sanitize(friend.state)}`
    );
  }

  requestLines(): string[] {
    if (this.#requests.size === 0) return ["no friend requests wait for your answer"];
    return [...this.#requests].map((id) =>
      `friend request from ${this.who(id)} — answer with ackaddfriend:${id}:true or ackaddfriend:${id}:false`
    );
  }

  groupLines(): string[] {
    if (this.#groups.size === 0) return ["no groups yet: creategroup:groupname:groupdesc creates one"];
    const lines: string[] = [];
    for (const { id, groupname, groupdesc, role, size, members } of this.#groups.values()) {
      const about = groupdesc === "" ? "" : `: ${sanitize(groupdesc)}`;
      const count = size === undefined ? undefined : `${size} member${size === 1 ? "" : "s"}`;
      const known = [role === undefined ? undefined : sanitize(role), count].filter(Boolean).join(", ");
      lines.push(`group [${id}] ${sanitize(groupname)}${about}${known === "" ? "" : ` (${known})`}`);
      for (const member of members) {
        const role = member.role === "creator" ? " creator" : "";
        lines.push(`group ${id} member ${this.who(member.id)} ${sanitize(member.state)}${role}`);
      }
    }
    return lines;
  }
}
