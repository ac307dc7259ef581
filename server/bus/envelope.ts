import { z } from "zod";
import { parseConv } from "../protocol/conversation.ts";
import { isKind } from "../protocol/kinds.ts";
import type { LogMessage, Reply } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import { Mac, MAC_LENGTH } from "./mac.ts";
import { groupChannel, userChannel } from "./channels.ts";

/** What nodes tell each other. */
export type Envelope =
  /** An entry has been committed. */
  | { readonly type: "message"; readonly message: LogMessage }
  /** Something for one user that is not in the log. */
  | { readonly type: "reply"; readonly reply: News }
  /** A session has to make room for another one of its device, or its device is ended. */
  | { readonly type: "evict"; readonly session: string; readonly reason?: "takeover" | "ended" | undefined }
  /** On a user's channel: the user has joined a group. */
  | { readonly type: "joined"; readonly group: number }
  /** On a user's channel: the user has a session on this node, too. */
  | { readonly type: "came" }
  /** Look into the log, for one user or for everybody, as the channel says: wake-ups may be missing. */
  | { readonly type: "look" }
  /** The node lives, and is heard. */
  | { readonly type: "beat" };

/** What a user may be told by another node. */
export type News = Extract<Reply, { msgid: typeof Msg.RECEIPT | typeof Msg.PRESENCE }>;

/** What came in: whose it is and what it says, or what it is worth although nobody knows who said it. */
export type Opened =
  | { readonly from: string; readonly envelope: Envelope }
  /** Not signed, signed by somebody else, or about a log of another name; but it looks like a wake-up. */
  | "hint"
  | "nonsense";

const id = z.int().min(1);
const at = z.int().min(0);
const conv = z.string().max(40).refine((name) => parseConv(name) !== undefined);
const name = z.string().max(200);

const news = z.discriminatedUnion("msgid", [
  z.strictObject({
    msgid: z.literal(Msg.RECEIPT),
    id,
    conv,
    seq: z.int().min(0),
    kind: z.enum(["delivered", "read"]),
  }),
  z.strictObject({ msgid: z.literal(Msg.PRESENCE), id, name, state: z.enum(["online", "offline"]), at }),
]);
const sealed = z.strictObject({
  node: z.string().max(40),
  log: z.string().max(40),
  envelope: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("message"), message: z.custom<LogMessage>(isMessage) }),
    z.strictObject({ type: z.literal("reply"), reply: news }),
    z.strictObject({
      type: z.literal("evict"),
      session: z.string().max(40),
      reason: z.enum(["takeover", "ended"]).optional(),
    }),
    z.strictObject({ type: z.literal("joined"), group: id }),
    z.strictObject({ type: z.literal("came") }),
    z.strictObject({ type: z.literal("look") }),
    z.strictObject({ type: z.literal("beat") }),
  ]),
});

/**
 * Seals what goes to other nodes and opens what comes from them. Redis is not trusted: each envelope is signed with the
 * cluster's secret, together with the channel that it is for. What does not verify is never shown and ends nothing.
 */
export class Envelopes {
  readonly #mac: Mac;
  readonly #node: string;
  readonly #log: () => string;
  readonly #maxLength: number;
  /** How the text of each payload of this node begins. */
  readonly #own: string;

  /**
   * @param options `log`: the name that the message log has now; `maxLength`: longer payloads, in characters, are not
   * read, so that nobody can make a node hash megabytes.
   */
  constructor(options: { secret: string; node: string; log: () => string; maxLength: number }) {
    this.#mac = new Mac(options.secret);
    this.#node = options.node;
    this.#log = options.log;
    this.#maxLength = options.maxLength;
    this.#own = `{"node":${JSON.stringify(options.node)},`;
  }

  /** Whether the payload says that it comes from this node, which knows what it said: it need not be opened. */
  isOwn(payload: string): boolean {
    return payload.startsWith(this.#own, MAC_LENGTH);
  }

  seal(channel: string, envelope: Envelope): string {
    const json = JSON.stringify({ node: this.#node, log: this.#log(), envelope });
    return this.#mac.of(`${channel}\n${json}`) + json;
  }

  open(channel: string, payload: string): Opened {
    if (payload.length > this.#maxLength) return worthOf(payload);
    const json = payload.slice(MAC_LENGTH);
    if (!this.#mac.verifies(payload.slice(0, MAC_LENGTH), `${channel}\n${json}`)) return worthOf(payload);
    // Signed, but perhaps by a node of another version.
    const said = parse(json);
    const data = isSealedMessage(said) ? said : sealed.safeParse(said).data;
    if (!data || !fits(channel, data.envelope)) return "nonsense";
    if (data.log !== this.#log() && isAboutEntry(data.envelope)) return "hint";
    return { from: data.node, envelope: data.envelope };
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Whether it says something of an entry by its number. */
const isAboutEntry = (envelope: Envelope) =>
  envelope.type === "message" || (envelope.type === "reply" && envelope.reply.msgid === Msg.RECEIPT);

/** What nobody vouches for is not read any further than that. */
const worthOf = (payload: string) =>
  /"type":"(message|look)"/.test(payload.slice(0, 200)) ? "hint" : "nonsense";

function fits(channel: string, envelope: Envelope): boolean {
  if (envelope.type !== "message") return true;
  const { conv, sender } = envelope.message;
  const about = parseConv(conv);
  if (about?.kind === "group") return channel === groupChannel(about.group);
  if (about?.kind !== "pair") return false;
  const isBetween = sender === about.low || sender === about.high;
  return isBetween && (channel === userChannel(about.low) || channel === userChannel(about.high));
}

/** What nearly everything is, checked by hand: the schema takes 12 µs for it, this 1. */
function isSealedMessage(
  said: unknown,
): said is { node: string; log: string; envelope: { type: "message"; message: LogMessage } } {
  if (!isRecord(said) || Object.keys(said).length !== 3 || !isRecord(said.envelope)) return false;
  const { node, log, envelope } = said;
  return isText(node, 40) && isText(log, 40) && envelope.type === "message" &&
    Object.keys(envelope).length === 2 && isMessage(envelope.message);
}

function isMessage(value: unknown): value is LogMessage {
  if (!isRecord(value)) return false;
  const { conv, seq, kind, sender, senderName, mid, body, at, ref, edited } = value;
  const more = (ref === undefined ? 0 : 1) + (edited === undefined ? 0 : 1);
  if (Object.keys(value).length !== 8 + more) return false;
  return isText(conv, 40) && isCount(seq, 1) && typeof kind === "string" && isKind(kind) &&
    isCount(sender, 1) &&
    isText(senderName, 200) && (mid === null || (isText(mid, 40) && /^[0-9A-Za-z_-]+$/.test(mid))) &&
    typeof body === "string" && isBody(body) && isCount(at, 0) && parseConv(conv) !== undefined &&
    (ref === undefined || isCount(ref, 1)) && (edited === undefined || isCount(edited, 0));
}

/** See {@linkcode LogMessage.body}: a JSON string or object and nothing around it, or nothing. */
function isBody(text: string): boolean {
  if (text.startsWith('"')) return text.endsWith('"') && typeof parse(text) === "string";
  // It goes into frames as it is, of which each is a line.
  if (!text.startsWith("{") || !text.endsWith("}") || text.includes("\n")) return text === "";
  const said = parse(text);
  return isRecord(said) && !Array.isArray(said);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const isText = (value: unknown, most: number): value is string =>
  typeof value === "string" && value.length <= most;
const isCount = (value: unknown, least: number) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= least;
