import type { Fields, Kind } from "../protocol/kinds.ts";
import type { LogMessage, Progress, Role } from "../protocol/messages.ts";
import type { Refused } from "../protocol/refused.ts";

export type { Refused } from "../protocol/refused.ts";

/**
 * The port to whatever keeps the data. Guarantees that hold for every adapter and are tested by
 * `contract_suite.ts`:
 *
 * - Everything is asynchronous, whether or not the driver is. When a promise resolves, what it wrote is committed;
 *   when one rejects with {@linkcode StoreUnavailable}, nothing of it was stored as far as the adapter can tell, and
 *   repeating the call is safe. No call hangs.
 * - Log entries get contiguous numbers from 1 in each conversation, in commit order, and a (sender, mid) is stored
 *   once: a constraint of the database itself.
 * - Texts come back exactly as they went in.
 */
export interface Store {
  readonly accounts: AccountStore;
  readonly devices: DeviceStore;
  readonly social: SocialStore;
  readonly log: LogStore;
  readonly search: SearchStore;
  readonly leases: LeaseStore;
  readonly cluster: ClusterStore;
  /** Finishes what is under way, then closes; again is fine. Other calls after that reject. */
  close(): Promise<void>;
}

/** The store cannot be reached or cannot write just now: answered as errno 108. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

export interface Account {
  readonly id: number;
  readonly name: string;
  /** The password's hash with its salt and cost, as `services/passwords.ts` writes it. */
  readonly password: string;
}

/** A user on one of their devices. The device "" is the nameless one, which is all that older programs have. */
export interface UserDevice {
  readonly user: number;
  readonly device: string;
}

export interface NewToken extends UserDevice {
  /** SHA-256 of the token, hex: the token itself is never stored. */
  readonly hash: string;
  /** Unix milliseconds. */
  readonly expires: number;
}

export interface TokenOwner {
  readonly id: number;
  readonly name: string;
  /** The device that the token was issued to. */
  readonly device: string;
  /** Unix milliseconds. */
  readonly expires: number;
}

/** How many unexpired tokens a device keeps: the newest ones. Programs without a device's name share the nameless one. */
export const MAX_TOKENS = 10;

export interface AccountStore {
  /**
   * The new user's id, or undefined if the name is taken, or its skeleton. Names are compared code point by code point.
   * @param options `skeleton`: a SHA-256 in hex that names which look alike have in common.
   */
  create(
    name: string,
    password: string,
    options?: { readonly skeleton?: string },
  ): Promise<number | undefined>;
  find(by: { readonly id: number } | { readonly name: string }): Promise<Account | undefined>;
  setPassword(user: number, password: string): Promise<void>;
  /** Stores a token and removes the device's expired ones and all but the newest few. */
  addToken(token: NewToken, now: number): Promise<void>;
  /** Notes when the last session of users ended, in Unix milliseconds. Never moves back. */
  setSeen(users: readonly { readonly user: number; readonly seen: number }[]): Promise<void>;
  /** The user and the device that an unexpired token belongs to. */
  findToken(hash: string, now: number): Promise<TokenOwner | undefined>;
  /** Removes all tokens of a device. */
  removeTokens(owner: UserDevice): Promise<void>;
}

/** A device that has a name, as it is known. */
export interface DeviceRow {
  readonly device: string;
  /** What the program called itself at its last login. */
  readonly client: string;
  /** When it last logged in, or its session ended: Unix milliseconds. */
  readonly seen: number;
}

/** The most devices with a name that a user may have. */
export const MAX_DEVICES = 20;

/** Devices that have a name. */
export interface DeviceStore {
  /**
   * Notes that a device logs in. One that is not known yet begins at its user's read cursors; whatever an earlier device
   * of this name had is void. `isFull`: it is not known yet, and the user has {@linkcode MAX_DEVICES}, so that nothing was
   * done; of several that begin at the same time more than necessary may be refused. `before`: the devices of the user as
   * they were known before. Called by whoever has the lease of the device.
   */
  enter(device: UserDevice & DeviceRow): Promise<{ isFull: boolean; before: readonly DeviceRow[] }>;
  /** Notes when a device that is known was there last. */
  leave(device: UserDevice & Pick<DeviceRow, "seen">): Promise<void>;
  /** The devices of a user, by name. */
  list(user: number): Promise<readonly DeviceRow[]>;
  /** Removes a device with its cursors and its tokens. One that is not known is fine. */
  forget(device: UserDevice): Promise<void>;
}

export interface FriendRow {
  readonly id: number;
  readonly name: string;
  /** When the friend's last session ended, Unix milliseconds; 0 if that is not known. */
  readonly seen: number;
}

/** A group as one of its members sees it in a list. */
export interface GroupRow {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly role: Role;
  /** How many members it has. Just after a change it may be that of a moment ago. */
  readonly size: number;
}

export interface MemberRow {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  /** Unix milliseconds. */
  readonly joined: number;
  /** Until when the member may not write, Unix milliseconds; 0 for most. */
  readonly muted: number;
}

export interface NewGroup {
  readonly name: string;
  readonly description: string;
  readonly creator: number;
}

/** How many there may be. What is more already stays. */
export interface GroupLimits {
  /** Members of a group. */
  readonly members: number;
  /** Groups of a user. */
  readonly groups: number;
}

/** `group_full`: it has as many members as it may. `groups_full`: the user is in as many groups. */
export type Joined = { readonly joined: number } | "no_group" | "already" | "group_full" | "groups_full";

/** Nothing here locks what others need: of those who join at the same moment some may exceed a limit. */
export interface SocialStore {
  /** Newest friendship first. */
  friends(user: number): Promise<readonly FriendRow[]>;
  /** Who has asked to be this user's friend and has no answer yet, by id. */
  requests(user: number): Promise<readonly { id: number; name: string }[]>;
  /** The groups that a user is in, the last joined first; all of them without `limit`. */
  groups(user: number, limit?: number): Promise<readonly GroupRow[]>;
  /** One group as a user sees it who is in it; undefined for others. */
  group(group: number, user: number): Promise<GroupRow | undefined>;
  /** Members of a group by id, those after `after` and at most `limit`. */
  members(
    group: number,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly MemberRow[]>;
  /** The new group's id, or undefined if the creator is in as many groups as a user may be. */
  createGroup(group: NewGroup, limits?: GroupLimits): Promise<number | undefined>;
  /** `joined` is the group's newest seq at that moment: the member sees what comes after it. */
  joinGroup(group: number, user: number, limits?: GroupLimits): Promise<Joined>;
  groupExists(group: number): Promise<boolean>;
}

/** Something to be appended to a conversation's log. */
export interface NewMessage {
  readonly conv: string;
  readonly kind: Kind;
  readonly sender: number;
  readonly senderName: string;
  /** The other one of a pair, `sender` itself for notes to oneself; undefined in a group. */
  readonly to: number | undefined;
  readonly mid: string | null;
  /** See {@linkcode LogMessage.body}. */
  readonly body: string;
  /** See {@linkcode LogMessage.ref}. */
  readonly ref?: number;
  /** What effects and rules go by beside `ref`: the fields of an EVENT. */
  readonly fields?: Fields;
  /** An entry that is edited must not be older than this, Unix milliseconds. */
  readonly oldest?: number;
  /** How many friends a user may have, for an entry that makes two of them. */
  readonly maxFriends?: number;
}

/**
 * What became of an append:
 * - stored: it is committed; `fresh` is false if the same (sender, mid) had been stored before, and then `message`
 *   is the one of that time;
 * - refused: nothing was stored, see {@linkcode Refused}.
 */
export type Appended =
  | { readonly stored: LogMessage; readonly fresh: boolean }
  | { readonly refused: Refused };

export interface Page {
  readonly conv: string;
  /** Exclusive. With `after` the page holds the oldest entries past it, with `before` the newest ahead of it. */
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
  /** The page ends before its bodies exceed this many characters; the first entry is in it whatever its size. */
  readonly maxSize?: number;
}

/**
 * How far one member is in one conversation: `delivered` to one device, `read` by the user. `undefined` leaves a cursor as
 * it is; cursors never move back.
 */
export interface CursorMove extends UserDevice {
  readonly conv: string;
  readonly delivered?: number;
  readonly read?: number;
}

/** A conversation with entries that a device has not confirmed. */
export interface Behind extends UserDevice {
  readonly conv: string;
  /** Its newest entry. */
  readonly seq: number;
  /** How far it was delivered to the device. */
  readonly delivered: number;
}

/** A sign that a user has put to an entry. */
export interface Reaction {
  /** The entry's number. */
  readonly seq: number;
  readonly emoji: string;
  readonly user: number;
}

/** Reactions that are read of one entry, at most. */
export const MAX_REACTIONS = 100;

export interface LogStore {
  /**
   * Commits one entry, and carries out the effects of its kind in the same transaction. Calls made while a commit is under
   * way are gathered and go together; entries of one caller keep the order of the calls.
   */
  append(message: NewMessage): Promise<Appended>;
  /**
   * Another node says that it has committed this entry. The store may take its number for the newest if it is exactly
   * one more than what it knows; it must not believe it in any other way.
   */
  heard(message: LogMessage): void;
  /**
   * Entries in ascending order, with their senders' names as of now; a sender whose account is gone has the name "".
   * Numbers may be missing, at the beginning or in between, where entries were purged: a page skips them and holds
   * the nearest entries that are there. So an empty page, and no other, says that there is nothing further in that
   * direction, and a page without `maxSize` that is shorter than `limit` says so, too. The store reads no more
   * text than about what it returns.
   */
  read(page: Page): Promise<LogMessage[]>;
  /**
   * The reactions to the entries of a conversation from one number to another, both inclusive, ordered by entry, sign and
   * user. Of more than {@linkcode MAX_REACTIONS} of one entry the others are left out.
   */
  reactions(
    range: { readonly conv: string; readonly from: number; readonly to: number },
  ): Promise<Reaction[]>;
  /**
   * Every conversation that a user is in, by name, with how much was delivered to one of the user's devices: the nameless
   * one if it is left out. Costs as much as there are: see {@linkcode LogStore.hasMoreThan}.
   */
  conversations(user: number, device?: string): Promise<readonly Progress[]>;
  /** Whether a user is in more than so many conversations. */
  hasMoreThan(user: number, conversations: number): Promise<boolean>;
  /** Those of these conversations that a user is in, in any order, as {@linkcode LogStore.conversations}. */
  conversationsOf(owner: UserDevice, convs: readonly string[]): Promise<readonly Progress[]>;
  /** The conversations that a user is in by name, those after `after` and at most `limit`. */
  conversationPage(
    owner: UserDevice,
    page: { readonly after: string; readonly limit: number },
  ): Promise<readonly Progress[]>;
  /** Where a member's view of a conversation begins (entries up to `joined` are not theirs), undefined if not a member. */
  membership(conv: string, user: number): Promise<{ joined: number } | undefined>;
  /** The conversations that hold more than was delivered to these devices. */
  behind(devices: readonly UserDevice[]): Promise<Behind[]>;
  /**
   * Moves cursors forward, up to the newest entry: beyond it are entries of a log that is not there any more. Cursors of
   * conversations that the user is not in are ignored, and of devices that are not known. Resolves to the moves that could not be made because another
   * program has locked their rows: they can be tried again.
   */
  moveCursors(moves: readonly CursorMove[]): Promise<readonly CursorMove[]>;
}

/** What somebody looks for. */
export interface Query {
  readonly user: number;
  /** Every character stands for itself. Letters are compared without regard to case. */
  readonly text: string;
  /** Only in this conversation. */
  readonly conv?: string;
  /** Only what is older than this (Unix milliseconds), or what comes after a place that a search has given. */
  readonly before?: number | string;
  readonly limit: number;
}

export interface Found {
  /** The newest first. `place`: to go on behind this one. */
  readonly found: readonly { readonly message: LogMessage; readonly place: string }[];
  /** Where to go on; undefined if there is nothing further. There may be, whether or not anything was found so far. */
  readonly next?: string;
}

export interface SearchStore {
  /**
   * Entries of texts that the user may read, see `visible.ts`; everything that was committed before the call. It looks for
   * about a second at most, and then says how far it came. Searches are few at a time: others wait. Undefined if `before`
   * is not a place that a search of this store has given.
   */
  find(query: Query): Promise<Found | undefined>;
}

/** One device of a user, logged in over one session of one node. */
export interface Lease extends UserDevice {
  readonly node: string;
  /** A random id: the session's name in the cluster. */
  readonly session: string;
}

/** A node that the store knows, and how far it has counted. */
export interface NodeBeat {
  readonly id: string;
  readonly beat: number;
}

/** What a node finds when it says that it lives. */
export interface Pulse {
  /** Whether the node was still known. If not, it has been buried, and its leases with it. */
  readonly ours: boolean;
  /** All nodes with their counters, this one with the number that it has now. */
  readonly nodes: readonly NodeBeat[];
  /** The name that the message log has now. */
  readonly log: string;
}

/** Why somebody wants a lease: for another session of the device, or to end the device. */
export type Want = "takeover" | "ended";

/** A lease as its node sees it. */
export interface HeldLease extends UserDevice {
  readonly session: string;
  readonly wanted: Want | undefined;
  /** Whether another device of the user is logged in on another node. */
  readonly elsewhere: boolean;
}

/**
 * Who is logged in, and on which node. There is at most one lease for each device of a user (I6), whatever happens at once. No clock
 * of the store is used: each node counts, and who watches it decides by a clock of its own when it is dead. A row that
 * another program holds locked delays calls about that user, and no other call.
 */
export interface LeaseStore {
  /** Whether other nodes may use this store, too. If not, nobody has to say that they live. */
  readonly shared: boolean;
  /** Makes a node known, with a number from which it counts. */
  enter(node: NodeBeat): Promise<void>;
  /** Says that a node lives: its counter goes up by one. */
  beat(node: string): Promise<Pulse>;
  /** Takes a device's lease, if it is free. Undefined if it is this session's now, otherwise who has it. */
  take(lease: Lease): Promise<Lease | undefined>;
  /** Tells the holder that somebody else wants the lease. */
  want(device: UserDevice, why: Want): Promise<void>;
  /** Gives a lease back, if it is still this session's. */
  release(lease: Omit<Lease, "node">): Promise<void>;
  /** All leases of one user. */
  of(user: number): Promise<Lease[]>;
  /** The leases of a node, and which of them are wanted. */
  held(node: string): Promise<HeldLease[]>;
  /** Those of the users who are logged in anywhere, on any device. */
  online(users: readonly number[]): Promise<Set<number>>;
  /** Removes a dead node, unless it has counted on since. Its leases are for {@linkcode LeaseStore.sweep}. */
  bury(dead: NodeBeat): Promise<void>;
  /**
   * Ends the leases of nodes that are not known any more. `freed`: users who have lost one; `left`: how many leases could
   * not be ended just now.
   */
  sweep(): Promise<{ freed: number[]; left: number }>;
  /** Removes a node that ends, with its leases. */
  leave(node: string): Promise<void>;
}

/** What all nodes on one database share. */
export interface Cluster {
  /** Made once, random: channels of the bus begin with it, so that two clusters can use one Redis. */
  readonly name: string;
  /** Made once, random: signs what nodes tell each other. Never leaves the nodes and the database. */
  readonly secret: string;
  /** The name of the message log. Another one means that the database came back older than it had been. */
  readonly log: string;
}

export interface ClusterStore {
  read(): Promise<Cluster>;
  /** Gives the log a new name if it still has that one. The name that it has then, whoever gave it. */
  renameLog(old: string): Promise<string>;
  /** The log has this name by now: what the store knows of the one before is void, and what was under way for it. */
  adopt(log: string): void;
}
