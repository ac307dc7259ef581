/** The numbers that a model client uses; its own, so that it is not wrong in the same way as the product. */
export const MSG = {
  LOGIN: 1,
  LOGIN_ACK: 2,
  REGISTER: 4,
  REGISTER_ACK: 5,
  CHAT: 6,
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
  GOODBYE: 22,
} as const;

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
  readonly id?: number;
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

/** Refusals that say nothing against the message: too fast, not stored, the server is stopping. */
export const isPassing = (errno: number | undefined) => errno === 106 || errno === 108 || errno === 110;
