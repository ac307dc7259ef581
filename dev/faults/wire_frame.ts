import { digestOf } from "./journal.ts";

/** The numbers that a model client uses; its own, so that it is not wrong in the same way as the product. */
export const MSG = {
  LOGIN: 1,
  LOGIN_ACK: 2,
  REGISTER: 4,
  REGISTER_ACK: 5,
  CHAT: 6,
  FRIEND_REQUEST: 7,
  FRIEND_RESPONSE: 8,
  CREATE_GROUP: 9,
  JOIN_GROUP: 10,
  GROUP_CHAT: 11,
  MESSAGE_ACK: 12,
  RECEIPT: 13,
  PING: 14,
  PONG: 15,
  ERROR: 16,
  CREATE_GROUP_ACK: 18,
  JOIN_GROUP_ACK: 19,
  HISTORY: 20,
  HISTORY_ACK: 21,
  GOODBYE: 22,
  PRESENCE: 23,
} as const;

type State = "online" | "offline";

/** What of a frame of the server a model client looks at. */
export interface Frame {
  readonly msgid: number;
  readonly errno?: number;
  readonly errmsg?: string;
  readonly ref?: number;
  readonly retry_ms?: number;
  readonly reconnect_ms?: number;
  readonly token?: string;
  /** Of LOGIN_ACK: the name of the log, and how far the user is in each conversation. */
  readonly log?: string;
  readonly conversations?: readonly { readonly conv: string; readonly delivered: number }[];
  readonly friends?: readonly { readonly id: number; readonly state: State }[];
  /** Of PRESENCE. */
  readonly state?: State;
  /** Of RECEIPT. */
  readonly kind?: "delivered" | "read";
  readonly id?: number;
  /** The sender, in FRIEND_REQUEST and FRIEND_RESPONSE. */
  readonly from?: number;
  readonly conv?: string;
  readonly seq?: number;
  readonly mid?: string;
  readonly msg?: string;
}

/** Reads a line. @throws {SyntaxError} or {TypeError} if it is not a frame. */
export function readFrame(line: string): Frame {
  const frame: unknown = JSON.parse(line);
  if (typeof frame !== "object" || frame === null || !("msgid" in frame) || typeof frame.msgid !== "number") {
    throw new TypeError(`not a frame: ${line.slice(0, 200)}`);
  }
  return frame as Frame;
}

/** A frame with an entry of a log, as the history has it; undefined if a field is missing. */
export function entryOf({ msgid, conv, seq, mid, id, from = id, msg }: Frame) {
  const isText = msgid === MSG.CHAT || msgid === MSG.GROUP_CHAT;
  if (conv === undefined || seq === undefined || from === undefined || msg === undefined) return undefined;
  if (isText) return mid === undefined ? undefined : { conv, seq, from, mid, text: digestOf(msg) };
  return { conv, seq, from, text: digestOf(`${msgid} ${msg}`) };
}
