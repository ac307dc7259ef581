import type { Kind } from "./kinds.ts";
import type { Role } from "./messages.ts";
import type { Refused } from "./refused.ts";

/** How the sender of an entry and the one it is for stand to each other. */
export interface Between {
  readonly friends: boolean;
  /** The sender has asked to be the other one's friend. */
  readonly asked: boolean;
  /** The other one has asked to be the sender's friend. */
  readonly wanted: boolean;
}

/** The sender of an entry as a member of the group. */
export interface Membership {
  readonly role: Role;
  /** Entries up to this number are not theirs to see. */
  readonly joined: number;
}

/** The user whom an entry names, as the group knows them. */
export interface Target {
  /** Undefined if the user is not a member. */
  readonly role: Role | undefined;
}

/** The entry that `ref` names, as it stands now. */
export interface Referred {
  readonly kind: Kind;
  readonly sender: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly recalled: boolean;
}

/**
 * What must be known to decide whether an entry may be stored. The store finds out what the entry's kind `needs`, all of
 * it at one moment; whatever else stands here means nothing.
 */
export interface Standing {
  readonly between: Between;
  /** How many friends that one of a pair has who has more. */
  readonly mostFriends: number;
  /** Undefined if the sender is not a member, or if the conversation is not a group's. */
  readonly member: Membership | undefined;
  /** Undefined if the entry names nobody. */
  readonly target: Target | undefined;
  /** Undefined if there is no such entry in the conversation. */
  readonly entry: Referred | undefined;
}

/** The name of something that has to be found out. */
export type Fact = keyof Standing;

export const STRANGERS: Between = { friends: false, asked: false, wanted: false };
export const UNKNOWN: Standing = {
  between: STRANGERS,
  mostFriends: 0,
  member: undefined,
  target: undefined,
  entry: undefined,
};

/** The entry that may be stored or not. */
export interface Asked {
  readonly sender: number;
  /** The other one of a pair; undefined in a group. */
  readonly to: number | undefined;
  readonly ref?: number;
  /** An entry that is edited must not be older than this, Unix milliseconds. */
  readonly oldest?: number;
  /** How many friends a user may have. */
  readonly maxFriends?: number;
}

/** Decides whether this sender may write such an entry now: why not, if not. */
export type Rule = (asked: Asked, standing: Standing) => Refused | undefined;

/** Whoever was asked to be a friend, as long as both may have more. */
export const mayAccept: Rule = ({ maxFriends = Infinity }, { between, mostFriends }) => {
  if (!between.wanted) return "no_request";
  return mostFriends >= maxFriends ? "friends_full" : undefined;
};

/** Everybody in the conversation. */
export const isIn: Rule = ({ to }, { member }) => to === undefined && !member ? "not_a_member" : undefined;

/** Whoever can see the message that `ref` names, if anything. */
export const mayReply: Rule = (asked, standing) => {
  if (asked.ref === undefined) return undefined;
  const { entry, member } = standing;
  const outside = isIn(asked, standing);
  if (outside) return outside;
  if (!entry || asked.ref <= (member?.joined ?? 0)) return "no_entry";
  return entry.kind === "chat" ? undefined : "no_message";
};

/** Whoever can see the message that `ref` names, while it has its text. */
export const mayReact: Rule = (asked, standing) =>
  mayReply(asked, standing) ?? (standing.entry?.recalled ? "recalled" : undefined);

/** The author of the message that `ref` names, for as long as it may be edited. */
export const mayEdit: Rule = (asked, standing) => {
  const unseen = mayReact(asked, standing);
  if (unseen) return unseen;
  const { sender, at } = standing.entry!;
  if (sender !== asked.sender) return "not_yours";
  return at < (asked.oldest ?? 0) ? "too_late" : undefined;
};

/** The author of the message that `ref` names; in a group also whoever runs it. */
export const mayRecall: Rule = (asked, standing) => {
  const unseen = mayReact(asked, standing);
  if (unseen) return unseen === "recalled" ? "recalled_before" : unseen;
  const isAuthor = standing.entry!.sender === asked.sender;
  return isAuthor || standing.member?.role === "creator" ? undefined : "may_not_recall";
};
