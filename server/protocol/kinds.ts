import { z } from "zod";
import { type Conversation, peerOf } from "./conversation.ts";
import type { LogMessage } from "./messages.ts";
import { Msg } from "./msgid.ts";
import { serverTime } from "./time.ts";

/** 1: the programs of old, msgid 1–11 only. 2: everything. */
export type Generation = 1 | 2;

/**
 * Why an entry is not stored. `no_user`: nobody has the id it is for. `already`: they are friends, or the request is
 * pending. `no_request`: there is nothing to answer. `not_a_member`: of the group.
 */
export type Refused = "no_user" | "already" | "no_request" | "not_a_member";

/** How the sender of an entry and the one it is for stand to each other. */
export interface Between {
  readonly friends: boolean;
  /** The sender has asked to be the other one's friend. */
  readonly asked: boolean;
  /** The other one has asked to be the sender's friend. */
  readonly wanted: boolean;
}

export const STRANGERS: Between = { friends: false, asked: false, wanted: false };

/**
 * What an entry changes beyond its own row, in the same commit. Each store knows how to do it; here stands what holds
 * afterwards.
 */
export const EFFECTS = {
  ask: (between: Between): Between => ({ ...between, asked: true }),
  answer: (between: Between): Between => ({ ...between, wanted: false }),
  befriend: (_: Between): Between => ({ friends: true, asked: false, wanted: false }),
} as const;
export type Effect = keyof typeof EFFECTS;

/** Where an entry stands, for its frame. */
interface Place {
  readonly about: Conversation;
  readonly generation: Generation;
}

/** A kind of entry of a conversation's log. */
interface KindSpec {
  /** What a client's frame of this kind has beside its msgid, its mid and whom it is for. */
  readonly fields: z.ZodRawShape;
  /** Why this sender may not write such an entry now, if so. Only asked in conversations of two. */
  readonly may: (between: Between) => Refused | undefined;
  /** Entries without effects can be committed in any company; one with effects is a transaction of its own. */
  readonly effects: readonly Effect[];
  /** The frame that brings the entry to a client: JSON text without line end. */
  readonly frame: (message: LogMessage, place: Place) => string;
}

const answerFields = { flag: z.boolean() } as const;

/** Every kind of entry there is: a new one is a row here, and what its effects are to the stores. */
export const KINDS = {
  chat: { fields: { msg: z.string() }, may: () => undefined, effects: [], frame: chatFrame },
  /** Asks the other one to be friends. */
  request: {
    fields: {},
    may: ({ friends, asked }) => friends || asked ? "already" : undefined,
    effects: ["ask"],
    frame: (message, place) => friendFrame(message, { ...place, msgid: Msg.FRIEND_REQUEST }),
  },
  accept: {
    fields: answerFields,
    may: ({ wanted }) => wanted ? undefined : "no_request",
    effects: ["befriend"],
    frame: (message, place) => friendFrame(message, { ...place, msgid: Msg.FRIEND_RESPONSE, flag: true }),
  },
  refuse: {
    fields: answerFields,
    may: ({ wanted }) => wanted ? undefined : "no_request",
    effects: ["answer"],
    frame: (message, place) => friendFrame(message, { ...place, msgid: Msg.FRIEND_RESPONSE, flag: false }),
  },
} as const satisfies Record<string, KindSpec>;

/** What a log entry is. */
export type Kind = keyof typeof KINDS;

/** The row of a kind. */
export const kindOf = (kind: Kind): KindSpec => KINDS[kind];

export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text);

function chatFrame(message: LogMessage, { about, generation }: Place): string {
  const { sender, body, at, mid } = message;
  const to = about.kind === "group" ? `"groupid":${about.group}` : `"toid":${peerOf(about, sender)}`;
  const msgid = about.kind === "group" ? Msg.GROUP_CHAT : Msg.CHAT;
  const five = `{"msgid":${msgid},"id":${sender},"name":${nameOf(message)},${to},"msg":${body},"time":"${
    serverTime(at)
  }"`;
  if (generation === 1) return five + "}";
  return mid === null ? `${five},${placeOf(message)}}` : `${five},"mid":"${mid}",${placeOf(message)}}`;
}

function friendFrame(message: LogMessage, to: Place & { msgid: number; flag?: boolean }): string {
  const { sender, body } = message;
  const { about, generation, msgid, flag } = to;
  const toid = about.kind === "pair" ? peerOf(about, sender) : 0;
  const three = `{"msgid":${msgid},"from":${sender},"toid":${toid},"msg":${body}`;
  if (generation === 1) return three + "}";
  const answer = flag === undefined ? "" : `"flag":${flag},`;
  return `${three},${answer}"name":${nameOf(message)},${placeOf(message)}}`;
}

const nameOf = ({ senderName }: LogMessage) => JSON.stringify(senderName);
const placeOf = ({ conv, seq, at }: LogMessage) => `"conv":"${conv}","seq":${seq},"at":${at}`;
