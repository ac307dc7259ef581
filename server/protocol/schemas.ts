import { z } from "zod";
import { Errno, Refusal } from "../errors.ts";
import { EVENT_KINDS, type EventKind, type Fields, KINDS } from "./kinds.ts";
import { Msg } from "./msgid.ts";
import { isVisible } from "./visible.ts";

/** Longest texts, in Unicode code points. */
export const LIMITS = {
  name: 50,
  groupDescription: 200,
  password: 256,
  newPassword: 8,
  mid: 40,
  device: 40,
  client: 60,
  history: 200,
  query: 100,
  found: 50,
  members: 200,
} as const;

const TOO_LONG = { errno: Errno.TOO_LONG } as const;
// deno-lint-ignore no-control-regex -- control characters are exactly what this is about
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

const codePoints = (text: string) => {
  let n = 0;
  for (const _ of text) n++;
  return n;
};

/** A string of at most `max` code points; a longer one is errno 107, not 100. */
const upTo = (max: number) =>
  z.string().refine((text) => text.length <= max || (text.length <= 2 * max && codePoints(text) <= max), {
    error: `is longer than ${max} characters`,
    params: TOO_LONG,
    abort: true,
  });

/** Text that people read in lists, so it has to be printable and storable as it is. */
const label = (max: number) =>
  upTo(max)
    .refine((text) => !CONTROL.test(text), { error: "contains control characters" })
    .refine((text) => text.isWellFormed(), { error: "contains half a surrogate pair" });

const name = label(LIMITS.name).refine((text) => text.trim() === text && text !== "", {
  error: "is empty or begins or ends with a space",
});
/** The name of a new account: of the forms that Unicode has for it the one that everybody writes. */
const newName = z.string().transform((text) => text.normalize("NFC")).pipe(
  name.refine((text) => isVisible(text), {
    error: "has invisible characters, or characters that change the direction of writing",
  }),
);
/** Any whole number: one that nobody can have is "no such user", not a malformed frame. */
const id = z.int();
const MID = /^[0-9A-Za-z_-]+$/;
/** Asks for more than the answer has had from the beginning. */
const details = z.boolean().optional();
const mid = upTo(LIMITS.mid).regex(MID, { error: "may have 0-9 A-Z a-z _ and - only" });
/** The client's own id of a request, of the same form. */
const answered = z.object({ rid: mid.optional() });
const device = upTo(LIMITS.device).regex(MID, { error: "may have 0-9 A-Z a-z _ and - only" });
const seq = z.int().min(0);
const MAX_CONV = 40;
const CONV = /^(u[1-9]\d*-[1-9]\d*|g[1-9]\d*)$/;
const conv = z.string().max(MAX_CONV).regex(CONV, {
  error: 'names no conversation; one looks like "u3-7" or "g5"',
});

/**
 * What each client frame has to look like. Fields that are not named are ignored: v1 programs send their own `id`,
 * `name` and `time` with everything, and none of the three is ever believed.
 */
export const SCHEMAS = {
  [Msg.LOGIN]: z.object({
    v: z.int().optional(),
    id: id.optional(),
    name: upTo(LIMITS.name).optional(),
    password: upTo(LIMITS.password).optional(),
    token: upTo(LIMITS.password).optional(),
    takeover: z.boolean().optional(),
    device: device.optional(),
    client: label(LIMITS.client).optional(),
  }).superRefine((login, check) => {
    if (login.token !== undefined) return;
    const missing = login.id === undefined && login.name === undefined
      ? "id"
      : login.password === undefined
      ? "password"
      : undefined;
    if (missing) check.addIssue({ code: "custom", path: [missing], message: "is missing" });
  }),
  [Msg.LOGOUT]: z.object({}),
  [Msg.REGISTER]: z.object({
    name: newName,
    password: upTo(LIMITS.password).min(1, { error: "is empty" }),
    v: z.int().optional(),
  }).refine(({ v = 1, password }) => v < 2 || codePoints(password) >= LIMITS.newPassword, {
    path: ["password"],
    error: `has fewer than ${LIMITS.newPassword} characters`,
  }),
  [Msg.CHAT]: z.object({ toid: id, ...KINDS.chat.fields, mid: mid.optional() }),
  [Msg.FRIEND_REQUEST]: z.object({ friendid: id, ...KINDS.request.fields, mid: mid.optional() }),
  [Msg.FRIEND_RESPONSE]: z.object({
    friendid: id,
    ...KINDS.accept.fields,
    mid: mid.optional(),
    details,
  }),
  [Msg.CREATE_GROUP]: z.object({ groupname: name, groupdesc: label(LIMITS.groupDescription) }),
  [Msg.JOIN_GROUP]: z.object({ groupid: id, details }),
  [Msg.GROUP_CHAT]: z.object({ groupid: id, ...KINDS.chat.fields, mid: mid.optional() }),
  [Msg.RECEIPT]: z.object({ conv, seq, kind: z.enum(["delivered", "read"]) }),
  [Msg.PING]: z.object({}),
  [Msg.PONG]: z.object({}),
  [Msg.HISTORY]: z.object({
    conv,
    before: seq.optional(),
    after: seq.optional(),
    limit: z.int().min(1).max(LIMITS.history).default(50),
  }).refine((page) => page.before === undefined || page.after === undefined, {
    path: ["before"],
    error: 'and "after" exclude each other',
  }),
  /** What every EVENT has; {@linkcode EVENTS} has the fields of each kind. */
  [Msg.EVENT]: z.object({ conv, kind: z.enum(EVENT_KINDS), mid }),
  [Msg.DEVICES]: z.object({
    do: z.enum(["list", "end"]),
    /** The nameless one can be ended, too. */
    device: device.or(z.literal("")).optional(),
  }),
  [Msg.MEMBERS]: z.object({
    groupid: id,
    after: id.default(0),
    limit: z.int().min(1).max(LIMITS.members).default(LIMITS.members),
  }),
  [Msg.SEARCH]: z.object({
    q: upTo(LIMITS.query)
      .refine((text) => codePoints(text) >= 2, { error: "must have at least 2 characters" })
      .refine((text) => text.isWellFormed(), { error: "contains half a surrogate pair" }),
    conv: conv.optional(),
    before: z.union([seq, z.string().max(80)], {
      error: "must be a time, or what a search has answered",
    }).optional(),
    limit: z.int().min(1).max(LIMITS.found).default(20),
  }),
} as const;

const eventOf = <K extends EventKind>(kind: K) =>
  z.object({ conv, kind: z.literal(kind), mid, ...KINDS[kind].fields });

/** Each kind of EVENT. */
const EVENTS: { readonly [kind: string]: z.ZodType<EventFrame> } = Object.fromEntries(
  EVENT_KINDS.map((kind) => [kind, eventOf(kind)]),
);

/** An EVENT of whatever kind. */
export interface EventFrame extends Fields {
  readonly conv: string;
  readonly kind: EventKind;
  readonly mid: string;
}

export type ClientMsg = keyof typeof SCHEMAS;
/** What the answer to a request has to have. */
export interface Answerable {
  /** The client's own id of the request, if it gave one. */
  readonly rid?: string;
}

/** What a reply has for the client to tell which request it answers. */
export const answering = ({ rid }: Answerable): Answerable => rid === undefined ? {} : { rid };

/** A client frame of one kind, after its schema. */
export type Frame<M extends ClientMsg> =
  & (M extends typeof Msg.EVENT ? EventFrame : z.output<(typeof SCHEMAS)[M]>)
  & Answerable;

/**
 * Parses the text of one frame as far as its `msgid`.
 * @throws {Refusal} errno 100 if it is not JSON or has no numeric msgid.
 */
export function parseFrame(text: string): { msgid: number; body: Record<string, unknown> } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Refusal(Errno.BAD_FRAME, "not valid JSON");
  }
  if (!isRecord(body)) throw new Refusal(Errno.BAD_FRAME, "not a JSON object");
  const msgid = body.msgid;
  if (msgid === undefined) throw new Refusal(Errno.BAD_FRAME, '"msgid" is missing');
  if (typeof msgid !== "number" || !Number.isSafeInteger(msgid)) {
    throw new Refusal(Errno.BAD_FRAME, '"msgid" must be a whole number');
  }
  return { msgid, body };
}

/**
 * Checks a frame against the schema of its kind.
 * @throws {Refusal} errno 100 or 107, the message naming the field.
 */
export function checkFrame<M extends ClientMsg>(msgid: M, body: Record<string, unknown>): Frame<M> {
  const plain = QUICK[msgid]?.(body);
  if (plain && body.rid === undefined) return plain as Frame<M>;
  const result = schemaOf(msgid, body).safeParse(body);
  if (!result.success) throw refusalOf(result.error.issues[0]!, body);
  if (body.rid === undefined) return result.data as Frame<M>;
  return { ...result.data as Frame<M>, ...checkRid(body) };
}

function schemaOf(msgid: ClientMsg, { kind }: Record<string, unknown>): z.ZodType {
  const isEvent = msgid === Msg.EVENT && typeof kind === "string" && Object.hasOwn(EVENTS, kind);
  return isEvent ? EVENTS[kind]! : SCHEMAS[msgid];
}

function checkRid(body: Record<string, unknown>): Answerable {
  const result = answered.safeParse(body);
  if (!result.success) throw refusalOf(result.error.issues[0]!, body);
  return result.data as Answerable;
}

/** {@linkcode answering} a request that may be wrong: nothing if its id is not allowed. */
export function answeringRaw(body: Record<string, unknown>): Answerable {
  return body.rid === undefined ? {} : answered.safeParse(body).data as Answerable ?? {};
}

/**
 * The frames that nearly all traffic consists of, taken without their schema, which costs three times as much. What is
 * not taken here may still be right: the schema decides, and says what is wrong.
 */
const QUICK: { readonly [M in ClientMsg]?: (body: Record<string, unknown>) => Frame<M> | undefined } = {
  [Msg.CHAT]: ({ toid, msg, mid, re }) =>
    Number.isSafeInteger(toid) && typeof msg === "string" && isMid(mid) && re === undefined
      ? { toid: toid as number, msg, mid }
      : undefined,
  [Msg.GROUP_CHAT]: ({ groupid, msg, mid, re }) =>
    Number.isSafeInteger(groupid) && typeof msg === "string" && isMid(mid) && re === undefined
      ? { groupid: groupid as number, msg, mid }
      : undefined,
  [Msg.RECEIPT]: ({ conv, seq, kind }) =>
    typeof conv === "string" && conv.length <= MAX_CONV && CONV.test(conv) && Number.isSafeInteger(seq) &&
      (seq as number) >= 0 && (kind === "delivered" || kind === "read")
      ? { conv, seq: seq as number, kind }
      : undefined,
};

function isMid(mid: unknown): mid is string {
  return typeof mid === "string" && mid.length <= LIMITS.mid && MID.test(mid);
}

function refusalOf(issue: z.core.$ZodIssue, body: Record<string, unknown>): Refusal {
  const field = String(issue.path[0] ?? "frame");
  if (issue.code === "custom") {
    const errno = issue.params?.errno === Errno.TOO_LONG ? Errno.TOO_LONG : Errno.BAD_FRAME;
    return new Refusal(errno, `"${field}" ${issue.message}`);
  }
  if (issue.code === "invalid_type" && !Object.hasOwn(body, field)) {
    return new Refusal(Errno.BAD_FRAME, `"${field}" is missing`);
  }
  if (issue.code === "invalid_type") {
    const expected = issue.expected === "int" ? "whole number" : issue.expected;
    return new Refusal(Errno.BAD_FRAME, `"${field}" must be a ${expected}`);
  }
  if (issue.code === "invalid_value") {
    return new Refusal(Errno.BAD_FRAME, `"${field}" must be one of ${issue.values.join(", ")}`);
  }
  if (issue.code === "too_big" && issue.origin === "string") {
    return new Refusal(Errno.TOO_LONG, `"${field}" is longer than ${issue.maximum} characters`);
  }
  if (issue.code === "too_big") {
    return new Refusal(Errno.BAD_FRAME, `"${field}" must be at most ${issue.maximum}`);
  }
  if (issue.code === "too_small" && issue.origin !== "string") {
    return new Refusal(Errno.BAD_FRAME, `"${field}" must be at least ${issue.minimum}`);
  }
  return new Refusal(Errno.BAD_FRAME, `"${field}" ${issue.message}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
