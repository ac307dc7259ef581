import type { Group, LoginAck, LogMessage, Member, State } from "./messages.ts";
import { messageFrame } from "./message_frame.ts";
import { friendText, groupText, loginAckHead, memberText, requestText } from "./v1.ts";
import { bytesOf } from "./v1_frames.ts";

/** The three lists of a LOGIN_ACK, empty, and its line end, in bytes. */
const LISTS = bytesOf(`,"offlinemsg":[],"friends":[],"groups":[]\n`);
/** Friend requests, and groups without their members, have this part of the room at most. */
const SHARE = 1 / 3;
/** What is left of a group's description that finds no room, in code points. */
const SHORT_DESCRIPTION = 20;

/** How much a text takes as an element of a list of texts: quoted, escaped, and with a comma, in bytes. */
const elementSize = (text: string): number => bytesOf(JSON.stringify(text)) + 1;

/** How much a missed message takes in a LOGIN_ACK, in bytes. */
export const missedSize = (message: LogMessage): number => {
  const frame = messageFrame(message, 1);
  return frame === undefined ? 0 : elementSize(frame);
};

/** The same for a member of a group: its text is an element of a text that is an element. */
const memberSize = (member: Member): number => elementSize(JSON.stringify(memberText(member))) - 2;

/** Takes what fits. */
class Room {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** Whether there was room for it. */
  take(size: number): boolean {
    if (size > this.#left) return false;
    this.#left -= size;
    return true;
  }

  /** Those of the items that find room, asked one after the other until one does not. */
  fill<T>(items: readonly T[], sizeOf: (item: T) => number): T[] {
    const first = items.findIndex((item) => !this.take(sizeOf(item)));
    return first < 0 ? [...items] : items.slice(0, first);
  }

  /** A part of it, apart from the rest until it is given back. */
  part(share: number): Room {
    const part = new Room(Math.floor(this.#left * share));
    this.#left -= part.left;
    return part;
  }

  giveBack(part: Room): void {
    this.#left += part.left;
  }
}

/**
 * Leaves out what a LOGIN_ACK of at most `longest` bytes has no room for: of friends, and of a group's members, those
 * who are online stay, and then the newest; of groups the newest. What stays keeps its order.
 * @returns `room`: how many bytes are left for what was missed.
 */
export function fitLoginAck(ack: LoginAck, longest: number): { ack: LoginAck; room: number } {
  const { requests = [], friends, groups } = ack;
  const room = new Room(longest - LISTS - bytesOf(JSON.stringify(loginAckHead(ack))));
  const within = <T>(share: number, fill: (part: Room) => T): T => {
    const part = room.part(share);
    const result = fill(part);
    room.giveBack(part);
    return result;
  };
  const shownRequests = within(
    SHARE,
    (part) => part.fill(requests, (request) => elementSize(requestText(request, ack.id))),
  );
  const heads = within(SHARE, (part) => fittingHeads(groups, part));
  const shownFriends = inOrderOf(
    friends,
    room.fill(byInterest(friends), (friend) => elementSize(friendText(friend))),
  );
  const shownGroups = heads.map((head, i) => {
    const { members = [] } = groups.find(({ id }) => id === head.id)!;
    // The last one has all that is left.
    const shown = within(1 / (heads.length - i), (part) => part.fill(byInterest(members), memberSize));
    return { ...head, members: inOrderOf(members, shown) };
  });
  return {
    ack: {
      ...ack,
      requests: shownRequests,
      friends: shownFriends,
      groups: inOrderOf(groups, shownGroups),
    },
    room: room.left,
  };
}

/** The newest groups, without their members. */
function fittingHeads(groups: readonly Group[], room: Room): Group[] {
  const heads: Group[] = [];
  for (const group of groups.toReversed()) {
    const whole = { ...group, members: [] };
    const short = { ...whole, groupdesc: shortened(group.groupdesc) };
    const head = [whole, short].find((head) => room.take(elementSize(groupText(head))));
    if (!head) break;
    heads.push(head);
  }
  return heads;
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length > SHORT_DESCRIPTION ? characters.slice(0, SHORT_DESCRIPTION).join("") + "…" : text;
}

/** Those online before the others, of either the newest first. */
function byInterest<T extends { readonly state: State }>(people: readonly T[]): T[] {
  const newestFirst = people.toReversed();
  return [
    ...newestFirst.filter(({ state }) => state === "online"),
    ...newestFirst.filter(({ state }) => state === "offline"),
  ];
}

/** Those that were chosen, in the order of all. */
function inOrderOf<T extends { readonly id: number }>(all: readonly T[], chosen: readonly T[]): T[] {
  const byId = new Map(chosen.map((one) => [one.id, one]));
  return all.flatMap(({ id }) => byId.get(id) ?? []);
}
