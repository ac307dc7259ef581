import { groupConv, pairConv } from "../server/protocol/conversation.ts";
import { Msg } from "../server/protocol/msgid.ts";
import type { Account } from "./account.ts";
import type { Ask } from "./ask.ts";
import { sanitize } from "./sanitize.ts";
import type { Where } from "./slash.ts";
import type { Person, Room } from "./words.ts";

/** Somebody or a group, as ids, and as it is called in what is printed. */
export interface Found {
  readonly conv: string;
  /** `2` or `group 4`. */
  readonly called: string;
  /** What a message to there carries. */
  readonly to: { readonly msgid: Msg; readonly toid: number } | {
    readonly msgid: Msg;
    readonly groupid: number;
  };
}

/** Finds the ids of those who are named. Nothing happens where there is nobody: that has been printed then. */
export class Lookup {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Somebody whose name has been heard since the login: a friend, a member of a group, or who has written. */
  person(who: Person, account: Account, then: (id: number) => void): void {
    if ("id" in who) return then(who.id);
    const known = account.roster.idOf(who.name);
    if (known !== undefined) return then(known);
    this.#ask.refused(`nobody called ${sanitize(who.name)} is known here: say #ID`);
  }

  /** One of the account's groups; names of groups are not unique. */
  room(room: Room, account: Account, then: (group: number) => void): void {
    if ("group" in room) return then(room.group);
    const groups = account.roster.groupsNamed(room.groupName);
    if (groups.length === 1) return then(groups[0]!);
    const name = sanitize(room.groupName);
    this.#ask.refused(
      groups.length === 0
        ? `you are in no group that is called ${name}: type groups for the list`
        : `several of your groups are called ${name}: say g${groups.join(" or g")}`,
    );
  }

  place(where: Where, account: Account, then: (found: Found) => void): void {
    if ("group" in where || "groupName" in where) {
      return this.room(where, account, (group) =>
        then({
          conv: groupConv(group),
          called: `group ${group}`,
          to: { msgid: Msg.GROUP_CHAT, groupid: group },
        }));
    }
    this.person(
      where,
      account,
      (id) => then({ conv: pairConv(account.id, id), called: String(id), to: { msgid: Msg.CHAT, toid: id } }),
    );
  }
}
