import { z } from "zod";
import type { Conversation } from "./conversation.ts";
import { chatFrame, editFrame, type EntryFrame, eventFrame, friendFrame } from "./entry_frames.ts";
import type { LogMessage } from "./messages.ts";
import { Msg } from "./msgid.ts";
import { type Fact, mayAccept, mayEdit, mayReact, mayRecall, mayReply, type Rule } from "./standing.ts";

/**
 * What an entry changes beyond its own row, in the same commit. Each store knows how to carry it out, with the entry and
 * its fields:
 * - `ask`, `answer`, `befriend`: a friend request is pending; is settled; the two are friends;
 * - `unfriend`: the two are not friends any more;
 * - `rewrite`: the entry `ref` has this text from now on;
 * - `erase`: the text of the entry `ref`, and of every edit of it, is gone;
 * - `react`: the sender's `emoji` stands at the entry `ref`, or does not any more.
 */
export type Effect = "ask" | "answer" | "befriend" | "unfriend" | "rewrite" | "erase" | "react";

/** The fields of an EVENT beside `conv`, `kind`, `mid`: each kind has some of them. */
export interface Fields {
  /** The number of the entry that it is about. */
  readonly ref?: number;
  readonly msg?: string;
  readonly emoji?: string;
  readonly on?: boolean;
  /** The user whom it is about. */
  readonly userid?: number;
}

/** A kind of entry of a conversation's log. */
export interface KindSpec {
  /** Clients send it as an EVENT. Others have a msgid of their own. */
  readonly isEvent: boolean;
  /** Where such entries may stand. */
  readonly places: readonly Conversation["kind"][];
  /** What a client's frame of this kind has beside its msgid, its mid and whom or what conversation it is for. */
  readonly fields: z.ZodRawShape;
  /** What {@linkcode KindSpec.may} has to know. */
  readonly needs: readonly Fact[];
  /** What it has to know instead about an entry without `ref`, where that is less. */
  readonly needsWithoutRef?: readonly Fact[];
  readonly may: Rule;
  readonly effects: readonly Effect[];
  readonly frame: EntryFrame;
}

const PAIR = ["pair"] as const;
const BOTH = ["pair", "group"] as const;

const MAX_EMOJI = 64;
const utf8 = new TextEncoder();
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

const ref = z.int().min(1);
/** What a reader takes for one sign, however many code points it has. */
const emoji = z.string().refine((text) => isOneGrapheme(text), {
  error: `must be one sign of at most ${MAX_EMOJI} bytes`,
});
const answerFields = { flag: z.boolean() } as const;
const whoWasAsked: Rule = (_, { between }) => between.wanted ? undefined : "no_request";

/** Every kind of entry there is: a new one is a row here, and what its effects are to the stores. */
export const KINDS = {
  chat: {
    isEvent: false,
    places: BOTH,
    fields: { msg: z.string(), re: ref.optional() },
    needs: ["entry", "member"],
    needsWithoutRef: [],
    may: mayReply,
    effects: [],
    frame: chatFrame,
  },
  /** Asks the other one to be friends. */
  request: {
    isEvent: false,
    places: PAIR,
    fields: {},
    needs: ["between"],
    may: (_, { between: { friends, asked } }) => friends || asked ? "already" : undefined,
    effects: ["ask"],
    frame: friendFrame(Msg.FRIEND_REQUEST),
  },
  accept: {
    isEvent: false,
    places: PAIR,
    fields: answerFields,
    needs: ["between", "mostFriends"],
    may: mayAccept,
    effects: ["befriend"],
    frame: friendFrame(Msg.FRIEND_RESPONSE, true),
  },
  refuse: {
    isEvent: false,
    places: PAIR,
    fields: answerFields,
    needs: ["between"],
    may: whoWasAsked,
    effects: ["answer"],
    frame: friendFrame(Msg.FRIEND_RESPONSE, false),
  },
  /** Ends the friendship of the two. */
  unfriend: {
    isEvent: true,
    places: PAIR,
    fields: {},
    needs: ["between"],
    may: (_, { between }) => between.friends ? undefined : "not_friends",
    effects: ["unfriend"],
    frame: eventFrame,
  },
  /** Gives a message another text. */
  edit: {
    isEvent: true,
    places: BOTH,
    fields: { ref, msg: z.string() },
    needs: ["entry", "member"],
    may: mayEdit,
    effects: ["rewrite"],
    frame: editFrame,
  },
  /** Takes a message back: its text is erased. */
  recall: {
    isEvent: true,
    places: BOTH,
    fields: { ref },
    needs: ["entry", "member"],
    may: mayRecall,
    effects: ["erase"],
    frame: eventFrame,
  },
  /** Puts a sign to a message, or takes it away. */
  react: {
    isEvent: true,
    places: BOTH,
    fields: { ref, emoji, on: z.boolean() },
    needs: ["entry", "member"],
    may: mayReact,
    effects: ["react"],
    frame: eventFrame,
  },
} as const satisfies Record<string, KindSpec>;

/** What a log entry is. */
export type Kind = keyof typeof KINDS;
/** What a client sends as an EVENT. */
export type EventKind = { [K in Kind]: (typeof KINDS)[K]["isEvent"] extends true ? K : never }[Kind];

/** The row of a kind. */
export const kindOf = (kind: Kind): KindSpec => KINDS[kind];

export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text);

export const EVENT_KINDS = Object.keys(KINDS).filter((kind): kind is EventKind =>
  isKind(kind) && KINDS[kind].isEvent
);

/** What has to be known about an entry, see {@linkcode KindSpec.may}. */
export function needsOf({ kind, ref }: Pick<LogMessage, "kind" | "ref">): readonly Fact[] {
  const { needs, needsWithoutRef = needs } = kindOf(kind);
  return ref === undefined ? needsWithoutRef : needs;
}

/**
 * Whether the entry changes nothing but the log and may be written whatever else is there: such entries are committed in
 * any company. Each of the others is decided and carried out after everything before it.
 */
export function isPlain(entry: Pick<LogMessage, "kind" | "ref">): boolean {
  return needsOf(entry).length === 0 && kindOf(entry.kind).effects.length === 0;
}

function isOneGrapheme(text: string): boolean {
  if (!text.isWellFormed() || /^[\s\p{C}]/u.test(text) || utf8.encode(text).length > MAX_EMOJI) return false;
  return [...graphemes.segment(text)].length === 1;
}
