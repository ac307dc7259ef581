import { parseConv, peerOf } from "./conversation.ts";
import type { LogMessage } from "./messages.ts";
import { Msg } from "./msgid.ts";

/** 1: the programs of old, msgid 1–11 only. 2: everything. */
export type Generation = 1 | 2;

/** A log entry as the JSON text of CHAT, GROUP_CHAT, FRIEND_REQUEST or FRIEND_RESPONSE, without line end. */
export function messageFrame(message: LogMessage, generation: Generation): string {
  const { conv, seq, kind, sender, body, at } = message;
  const about = parseConv(conv);
  if (about === undefined) throw new TypeError(`no conversation is called ${conv}`);
  const name = JSON.stringify(message.senderName);
  const place = `"conv":"${conv}","seq":${seq},"at":${at}`;
  if (kind === "chat") {
    const to = about.kind === "group" ? `"groupid":${about.group}` : `"toid":${peerOf(about, sender)}`;
    const msgid = about.kind === "group" ? Msg.GROUP_CHAT : Msg.CHAT;
    const five = `{"msgid":${msgid},"id":${sender},"name":${name},${to},"msg":${body},"time":"${
      serverTime(at)
    }"`;
    if (generation === 1) return five + "}";
    return message.mid === null ? `${five},${place}}` : `${five},"mid":"${message.mid}",${place}}`;
  }
  const to = about.kind === "pair" ? peerOf(about, sender) : 0;
  const three = `{"msgid":${kind === "request" ? Msg.FRIEND_REQUEST : Msg.FRIEND_RESPONSE},` +
    `"from":${sender},"toid":${to},"msg":${body}`;
  if (generation === 1) return three + "}";
  return kind === "request"
    ? `${three},"name":${name},${place}}`
    : `${three},"flag":${kind === "accept"},"name":${name},${place}}`;
}

/** Server time as v1 prints it, `YYYY-MM-DD HH:MM:SS` in the server's time zone. */
export function serverTime(at: number): string {
  const date = new Date(at);
  const two = (value: number) => value < 10 ? `0${value}` : `${value}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
