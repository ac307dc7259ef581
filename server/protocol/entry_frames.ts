import { type Conversation, peerOf } from "./conversation.ts";
import type { LogMessage } from "./messages.ts";
import { Msg } from "./msgid.ts";
import { serverTime } from "./time.ts";

/** 1: the programs of old, msgid 1–11 only. 2: everything. */
export type Generation = 1 | 2;

/** Where an entry stands, for its frame. */
export interface Place {
  readonly about: Conversation;
  readonly generation: Generation;
}

/**
 * The frame that brings an entry to a client: JSON text without line end. Undefined if clients of this generation have no
 * word for it.
 */
export type EntryFrame = (message: LogMessage, place: Place) => string | undefined;

/** A text in a conversation: CHAT or GROUP_CHAT. */
export const chatFrame: EntryFrame = (message, { about, generation }) => {
  const { body, ref, edited } = message;
  if (generation === 1) return body === "" ? undefined : textFrame(message, { about, literal: body }) + "}";
  const re = ref === undefined ? "" : `,"re":${ref}`;
  const since = edited === undefined ? "" : `,"edited":${edited}`;
  const text = body === "" ? undefined : body;
  const five = textFrame(message, { about, literal: text });
  return `${five}${re}${since}${text === undefined ? RECALLED : ""},${midOf(message)}${placeOf(message)}}`;
};

/** An edit: EVENT, and the new text as a message of its own for those who know no EVENT. */
export const editFrame: EntryFrame = (message, place) => {
  if (place.generation === 2) return eventFrame(message, place);
  const { body } = message;
  // The body is a JSON string: what is put before its text goes inside the quotes.
  return body === ""
    ? undefined
    : textFrame(message, { about: place.about, literal: `"(edited) ${body.slice(1)}` }) + "}";
};

/** FRIEND_REQUEST and FRIEND_RESPONSE. */
export function friendFrame(msgid: number, flag?: boolean): EntryFrame {
  return (message, { about, generation }) => {
    const { sender, body } = message;
    const toid = about.kind === "pair" ? peerOf(about, sender) : 0;
    const three = `{"msgid":${msgid},"from":${sender},"toid":${toid},"msg":${body}`;
    if (generation === 1) return three + "}";
    const answer = flag === undefined ? "" : `"flag":${flag},`;
    return `${three},${answer}"name":${nameOf(message)},${placeOf(message)}}`;
  };
}

/** EVENT, with whatever fields the kind has. */
export const eventFrame: EntryFrame = (message, { generation }) => {
  if (generation === 1) return undefined;
  const { kind, sender, ref, body } = message;
  const about = ref === undefined ? "" : `"ref":${ref},`;
  return `{"msgid":${Msg.EVENT},"kind":"${kind}",${about}${fieldsOf(body)}"id":${sender},"name":${
    nameOf(message)
  },${midOf(message)}${placeOf(message)}}`;
};

/** The fields of an entry's body, see {@linkcode LogMessage.body}, each followed by a comma. */
function fieldsOf(body: string): string {
  if (body === "") return '"recalled":true,';
  if (body.startsWith('"')) return `"msg":${body},`;
  const fields = body.slice(1, -1);
  return fields === "" ? "" : `${fields},`;
}

const RECALLED = ',"recalled":true';

/** A text as both generations know it, without the brace at its end. */
function textFrame(
  message: LogMessage,
  { about, literal }: { about: Conversation; literal: string | undefined },
): string {
  const { sender, at } = message;
  const to = about.kind === "group" ? `"groupid":${about.group}` : `"toid":${peerOf(about, sender)}`;
  const msgid = about.kind === "group" ? Msg.GROUP_CHAT : Msg.CHAT;
  const msg = literal === undefined ? "" : `"msg":${literal},`;
  return `{"msgid":${msgid},"id":${sender},"name":${nameOf(message)},${to},${msg}"time":"${serverTime(at)}"`;
}

const midOf = ({ mid }: LogMessage) => mid === null ? "" : `"mid":"${mid}",`;
const nameOf = ({ senderName }: LogMessage) => JSON.stringify(senderName);
const placeOf = ({ conv, seq, at }: LogMessage) => `"conv":"${conv}","seq":${seq},"at":${at}`;
