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
  readonly social: SocialStore;
  readonly log: LogStore;
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

export interface NewToken {
  readonly user: number;
  /** SHA-256 of the token, hex: the token itself is never stored. */
  readonly hash: string;
  /** Unix milliseconds. */
  readonly expires: number;
}

/** How many unexpired tokens a user keeps: the newest ones, about one a device. */
export const MAX_TOKENS = 10;

export interface AccountStore {
  /** The new user's id, or undefined if the name is taken. Names are compared code point by code point. */
  create(name: string, password: string): Promise<number | undefined>;
  find(by: { readonly id: number } | { readonly name: string }): Promise<Account | undefined>;
  setPassword(user: number, password: string): Promise<void>;
  /** Stores a token and removes the user's expired ones and all but the newest few. */
  addToken(token: NewToken, now: number): Promise<void>;
  /** The user whom an unexpired token belongs to. */
  findToken(hash: string, now: number): Promise<{ id: number; name: string; expires: number } | undefined>;
}

export interface GroupRow {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly members: readonly { readonly id: number; readonly name: string; readonly role: Role }[];
}

export interface SocialStore {
  /** Oldest friendship first. */
  friends(user: number): Promise<readonly { id: number; name: string }[]>;
  /** Who has asked to be this user's friend and has no answer yet, by id. */
  requests(user: number): Promise<readonly { id: number; name: string }[]>;
  /** The groups that a user is in, with their members, the earliest joined first. */
  groups(user: number): Promise<GroupRow[]>;
  createGroup(group: { name: string; description: string; creator: number }): Promise<number>;
  /** `joined` is the group's newest seq at that moment: the member sees what comes after it. */
  joinGroup(group: number, user: number): Promise<{ joined: number } | "no_group" | "already">;
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

/** How far one member is in one conversation. `undefined` leaves a cursor as it is; cursors never move back. */
export interface CursorMove {
  readonly user: number;
  readonly conv: string;
  readonly delivered?: number;
  readonly read?: number;
}

/** A conversation with entries that a user has not confirmed. */
export interface Behind {
  readonly user: number;
  readonly conv: string;
  /** Its newest entry. */
  readonly seq: number;
  /** How far it was delivered to the user. */
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
  /** Every conversation that a user is in, by name. */
  conversations(user: number): Promise<readonly Progress[]>;
  /** Where a member's view of a conversation begins (entries up to `joined` are not theirs), undefined if not a member. */
  membership(conv: string, user: number): Promise<{ joined: number } | undefined>;
  /** The conversations of these users that hold more than was delivered to them. */
  behind(users: readonly number[]): Promise<Behind[]>;
  /**
   * Moves cursors forward, up to the newest entry: beyond it are entries of a log that is not there any more. Cursors of
   * conversations that the user is not in are ignored. Resolves to the moves that could not be made because another
   * program has locked their rows: they can be tried again.
   */
  moveCursors(moves: readonly CursorMove[]): Promise<readonly CursorMove[]>;
}

/** One user, logged in over one session of one node. */
export interface Lease {
  readonly user: number;
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

/** A lease as its node sees it. */
export interface HeldLease {
  readonly user: number;
  readonly session: string;
  /** Whether another login has asked for it. */
  readonly wanted: boolean;
}

/**
 * Who is logged in, and on which node. There is at most one lease for each user (I6), whatever happens at once. No clock
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
  /** Takes a user's lease, if it is free. Undefined if it is this session's now, otherwise who has it. */
  take(lease: Lease): Promise<Lease | undefined>;
  /** Tells the holder that somebody else wants the lease. */
  want(user: number): Promise<void>;
  /** Gives a lease back, if it is still this session's. */
  release(lease: Pick<Lease, "user" | "session">): Promise<void>;
  /** The leases of a node, and which of them are wanted. */
  held(node: string): Promise<HeldLease[]>;
  /** Those of the users who are logged in anywhere. */
  online(users: readonly number[]): Promise<Set<number>>;
  /** Removes a dead node, unless it has counted on since. Its leases are for {@linkcode LeaseStore.sweep}. */
  bury(dead: NodeBeat): Promise<void>;
  /**
   * Ends the leases of nodes that are not known any more. `freed`: users who are free now; `left`: how many leases could
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
