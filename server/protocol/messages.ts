import type { Errno } from "../errors.ts";
import type { Kind } from "./kinds.ts";
import type { Msg } from "./msgid.ts";

export type { Kind } from "./kinds.ts";

/** One entry of a conversation's log. */
export interface LogMessage {
  readonly conv: string;
  /** Its place in the conversation: 1, 2, 3, … without holes. */
  readonly seq: number;
  readonly kind: Kind;
  readonly sender: number;
  readonly senderName: string;
  /** The sender's own id of the message; null from clients that send none. */
  readonly mid: string | null;
  /**
   * What the entry says, as JSON text, since frames need that anyway. Of kinds with a text (chat, edit, and the steps of
   * becoming friends) it is a string literal, quotes included: some JavaScript strings (lone surrogates) and some that
   * databases dislike (NUL) have no UTF-8 text form, but every one has this. Of the others it is an object of the kind's
   * fields without `ref`. Empty if the text has been recalled.
   */
  readonly body: string;
  /** Server time of the commit, Unix milliseconds. */
  readonly at: number;
  /** The number of the entry of the same conversation that this one is about: which it replies to, edits, and so on. */
  readonly ref?: number;
  /** When its text was last edited, Unix milliseconds. */
  readonly edited?: number;
}

/**
 * Why the server ends a connection: another client took the account, the server stops, the node had to give the session
 * up, or the user or an admin ended it.
 */
export type EndReason = "takeover" | "stopping" | "unsure" | "ended";

export type State = "online" | "offline";
export type Role = "creator" | "normal";

interface Person {
  readonly id: number;
  readonly name: string;
  readonly state: State;
}

export interface Friend extends Person {
  /** When the friend's last session ended, Unix milliseconds; 0 if that is not known. */
  readonly seen: number;
}

export interface Member extends Person {
  readonly role: Role;
}

/** A member as MEMBERS lists it; times are Unix milliseconds. */
export interface ListedMember extends Member {
  readonly joined: number;
  /** Until when the member may not write, 0 for most. */
  readonly muted: number;
}

export interface Group {
  readonly id: number;
  readonly groupname: string;
  readonly groupdesc: string;
  /** The client's own role. */
  readonly role: Role;
  /** How many members it has. */
  readonly size: number;
  /** For v1 only: some of them. */
  readonly members?: readonly Member[];
}

/** A device of a user as its other devices see it; the nameless one is "". */
export interface Device {
  readonly device: string;
  /** What its program calls itself. */
  readonly client: string;
  /** When it was there last, Unix milliseconds. */
  readonly seen: number;
  readonly online: boolean;
}

/** How far a member of a conversation is: `seq` is its newest message. */
export interface Progress {
  readonly conv: string;
  readonly seq: number;
  readonly delivered: number;
  readonly read: number;
}

/** Everything a client sees of its account when it logs in. */
export interface LoginAck {
  readonly msgid: typeof Msg.LOGIN_ACK;
  readonly errno: 0;
  readonly id: number;
  readonly name: string;
  readonly friends: readonly Friend[];
  readonly groups: readonly Group[];
  readonly conversations: readonly Progress[];
  /** There are other friends, groups or conversations. */
  readonly more?: true;
  /** The name of the message log. Another one than before: what the client holds by (conv, seq) is void. */
  readonly log: string;
  readonly token?: string;
  /** For v1 only: friend requests that wait for the user's answer, to be packed into the ack. */
  readonly requests?: readonly { readonly from: number; readonly msg: string }[];
  /** For v1 only: what was missed, to be packed into the ack. */
  readonly missed?: readonly LogMessage[];
}

export interface LoginRefused {
  readonly msgid: typeof Msg.LOGIN_ACK;
  readonly errno: Errno;
  readonly errmsg: string;
  readonly retry_ms?: number;
}

/** What the server says other than pushing log entries, in v2 shape; `v1.ts` turns it into what v1 knows. */
export type Reply = Said & {
  /** Of the request that it answers, if the client gave it one. */
  readonly rid?: string;
};

type Said =
  | LoginAck
  | LoginRefused
  | {
    readonly msgid: typeof Msg.REGISTER_ACK;
    readonly errno: Errno;
    readonly id?: number;
    readonly errmsg?: string;
  }
  | {
    readonly msgid: typeof Msg.MESSAGE_ACK;
    readonly mid?: string;
    readonly conv: string;
    readonly seq: number;
    readonly at: number;
  }
  | {
    readonly msgid: typeof Msg.RECEIPT;
    readonly id: number;
    readonly conv: string;
    readonly seq: number;
    readonly kind: "delivered" | "read";
  }
  | { readonly msgid: typeof Msg.PING }
  | { readonly msgid: typeof Msg.PONG; readonly at: number }
  | {
    readonly msgid: typeof Msg.ERROR;
    readonly errno: Errno;
    readonly errmsg: string;
    readonly ref?: number;
    readonly mid?: string;
    readonly retry_ms?: number;
  }
  | { readonly msgid: typeof Msg.LOGOUT_ACK }
  | {
    readonly msgid: typeof Msg.CREATE_GROUP_ACK;
    readonly errno: Errno;
    readonly groupid: number;
    readonly groupname: string;
  }
  | {
    readonly msgid: typeof Msg.JOIN_GROUP_ACK;
    readonly errno: Errno;
    readonly groupid: number;
    readonly groupname?: string;
    readonly groupdesc?: string;
    readonly size?: number;
    /** Some of them, if there are many. */
    readonly members?: readonly Member[];
    readonly errmsg?: string;
  }
  | {
    readonly msgid: typeof Msg.HISTORY_ACK;
    readonly conv: string;
    /** Each the JSON text of a frame as it would be pushed. */
    readonly frames: readonly string[];
    readonly more: boolean;
  }
  | {
    readonly msgid: typeof Msg.DONE;
    readonly ref: number;
    readonly devices?: readonly Device[];
  }
  | {
    readonly msgid: typeof Msg.DONE;
    readonly ref: typeof Msg.MEMBERS;
    readonly members: readonly ListedMember[];
    readonly more: boolean;
  }
  | {
    readonly msgid: typeof Msg.DONE;
    readonly ref: typeof Msg.SEARCH;
    /** Each the JSON text of a frame as HISTORY gives it, the newest first. */
    readonly found: readonly string[];
    readonly more: boolean;
    /** Where the next search goes on, if there is more. */
    readonly before?: string;
  }
  | { readonly msgid: typeof Msg.GOODBYE; readonly reason: EndReason; readonly reconnect_ms: number }
  | {
    readonly msgid: typeof Msg.PRESENCE;
    readonly id: number;
    readonly name: string;
    readonly state: State;
    readonly at: number;
  };
