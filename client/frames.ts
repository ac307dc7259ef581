import { z } from "zod";
import { Msg } from "../server/protocol/msgid.ts";

const id = z.int();
const text = z.string();
const seq = z.int().min(0);
/** Servers that speak v1 leave these out; such a message is shown but neither counted nor acknowledged. */
const place = { conv: text.optional(), seq: seq.optional(), at: z.number().optional() };
const mid = text.optional();

const friend = z.object({ id, name: text, state: text });
const member = friend.extend({ role: text.default("normal") });
const group = z.object({
  id,
  groupname: text,
  groupdesc: text.default(""),
  /** One's own. */
  role: text.optional(),
  /** How many members it has. */
  size: z.int().optional(),
  members: z.array(member).catch([]),
});
const progress = z.object({ conv: text, seq, delivered: seq, read: seq });

/** Whom it is for. */
const toid = id.optional();
/** A message that was recalled has no text. */
const said = {
  msg: text.optional(),
  recalled: z.boolean().optional(),
  edited: z.number().optional(),
  re: seq.optional(),
};

const chat = z.object({ msgid: z.literal(Msg.CHAT), id, name: text, toid, mid, ...said, ...place });
const groupChat = z.object({
  msgid: z.literal(Msg.GROUP_CHAT),
  id,
  name: text,
  groupid: id,
  mid,
  ...said,
  ...place,
});
/** Of whatever kind: those that this client does not know are counted and not shown. */
const event = z.object({
  msgid: z.literal(Msg.EVENT),
  kind: text,
  id,
  name: text,
  mid,
  conv: text,
  seq,
  at: z.number().optional(),
  ref: seq.optional(),
  msg: text.optional(),
  recalled: z.boolean().optional(),
  emoji: text.optional(),
  on: z.boolean().optional(),
});
const friendRequest = z.object({
  msgid: z.literal(Msg.FRIEND_REQUEST),
  from: id,
  toid,
  name: text.optional(),
  ...place,
});
const friendResponse = z.object({
  msgid: z.literal(Msg.FRIEND_RESPONSE),
  from: id,
  toid,
  name: text.optional(),
  flag: z.boolean(),
  ...place,
});
const push = z.discriminatedUnion("msgid", [chat, groupChat, friendRequest, friendResponse, event]);

const refusable = { errno: z.int(), errmsg: text.optional() };

const frame = z.discriminatedUnion("msgid", [
  chat,
  groupChat,
  friendRequest,
  friendResponse,
  event,
  z.object({
    msgid: z.literal(Msg.LOGIN_ACK),
    ...refusable,
    id: id.optional(),
    name: text.optional(),
    token: text.optional(),
    /** The name of the message log. Another one than before: numbers of entries mean other entries. */
    log: text.optional(),
    retry_ms: z.number().optional(),
    friends: z.array(friend).catch([]),
    groups: z.array(group).catch([]),
    conversations: z.array(progress).catch([]),
  }),
  z.object({ msgid: z.literal(Msg.REGISTER_ACK), ...refusable, id: id.optional() }),
  z.object({ msgid: z.literal(Msg.MESSAGE_ACK), mid, conv: text, seq, at: z.number().optional() }),
  z.object({ msgid: z.literal(Msg.RECEIPT), id, conv: text, seq, kind: z.enum(["delivered", "read"]) }),
  z.object({ msgid: z.literal(Msg.PING) }),
  z.object({ msgid: z.literal(Msg.PONG) }),
  z.object({
    msgid: z.literal(Msg.ERROR),
    errno: z.int(),
    errmsg: text.default(""),
    ref: z.int().optional(),
    mid,
    retry_ms: z.number().optional(),
  }),
  z.object({ msgid: z.literal(Msg.LOGOUT_ACK) }),
  z.object({
    msgid: z.literal(Msg.CREATE_GROUP_ACK),
    ...refusable,
    groupid: id.optional(),
    groupname: text.optional(),
  }),
  z.object({
    msgid: z.literal(Msg.JOIN_GROUP_ACK),
    ...refusable,
    groupid: id.optional(),
    groupname: text.optional(),
    groupdesc: text.optional(),
    members: z.array(member).catch([]),
  }),
  z.object({
    msgid: z.literal(Msg.HISTORY_ACK),
    conv: text,
    messages: z.array(z.unknown()),
    more: z.boolean(),
  }),
  z.object({
    msgid: z.literal(Msg.DONE),
    ref: z.int(),
    id: id.optional(),
    name: text.optional(),
    state: text.optional(),
    seen: z.number().nullish(),
    friend: z.boolean().optional(),
    blocked: z.boolean().optional(),
    members: z.array(member.extend({ muted: z.number().nullish() })).optional(),
    devices: z.array(z.object({
      device: text,
      client: text.nullish(),
      seen: z.number().nullish(),
      online: z.boolean(),
    })).optional(),
    found: z.array(z.unknown()).optional(),
    before: text.optional(),
    more: z.boolean().optional(),
  }),
  z.object({ msgid: z.literal(Msg.GOODBYE), reason: text, reconnect_ms: z.number().optional() }),
  z.object({ msgid: z.literal(Msg.PRESENCE), id, name: text, state: text }),
]);

export type Friend = z.output<typeof friend>;
export type Group = z.output<typeof group>;
export type Progress = z.output<typeof progress>;
/** An entry of a conversation's log, as it is pushed and as it stands in HISTORY_ACK. */
export type Push = z.output<typeof push>;
export type ServerFrame = z.output<typeof frame>;
export type FrameOf<M extends Msg> = Extract<ServerFrame, { msgid: M }>;

const KNOWN: ReadonlySet<unknown> = new Set(frame.options.map((option) => option.shape.msgid.value));

/** A frame, or why it is none; `undefined` for a msgid that this client does not know, which is no fault. */
export type Parsed = { readonly frame: ServerFrame } | { readonly fault: string } | undefined;

/** Whether this is a frame of a chat server at all, known or not. */
export function isFrame(json: string): boolean {
  const parsed = readFrame(json);
  return parsed === undefined || "frame" in parsed || parsed.fault.startsWith("msgid ");
}

/** Reads one frame of the server, which is trusted no more than anything else from the network. */
export function readFrame(json: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return { fault: "not JSON" };
  }
  const msgid = typeof value === "object" && value !== null && "msgid" in value ? value.msgid : undefined;
  if (typeof msgid !== "number") return { fault: "no msgid" };
  if (!KNOWN.has(msgid)) return undefined;
  const result = frame.safeParse(value);
  if (result.success) return { frame: result.data };
  const issue = result.error.issues[0];
  return { fault: `msgid ${msgid}: ${issue?.path.join(".") ?? "?"}: ${issue?.message ?? "unknown"}` };
}

/** Reads one message of HISTORY_ACK; undefined if it is not one. */
export function readPush(value: unknown): Push | undefined {
  return push.safeParse(value).data;
}
