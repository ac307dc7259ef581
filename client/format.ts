import { Msg } from "../server/protocol/msgid.ts";
import { parseConv } from "../server/protocol/conversation.ts";
import type { FrameOf, Push } from "./frames.ts";
import { sanitize } from "./sanitize.ts";
import type { Mark } from "./sent.ts";

/** Unix milliseconds as `YYYY-MM-DD HH:MM:SS` in the time zone of this machine. */
export function formatTime(at: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "????-??-?? ??:??:??";
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * The line that shows an entry of a conversation's log. Undefined if this client has no words for it.
 * @param options `own`: the user who looks; what they wrote on another device is shown as theirs.
 */
export function pushLine(push: Push, { now, own }: { now: number; own?: number }): string | undefined {
  const time = formatTime(push.at ?? now);
  const author = "id" in push ? push.id : push.from;
  const isNote = "toid" in push && push.toid === own;
  if (author === own && !isNote) return ownLine(push, time);
  switch (push.msgid) {
    case Msg.CHAT:
      return `${time} [${push.id}] ${sanitize(push.name)}${saidOf(push)}`;
    case Msg.GROUP_CHAT:
      return `${time} (group ${push.groupid}) [${push.id}] ${sanitize(push.name)}${saidOf(push)}`;
    case Msg.EVENT: {
      const done = doneOf(push);
      return done && `${time} ${whereOf(push.conv)}[${push.id}] ${sanitize(push.name)} ${done}`;
    }
    case Msg.FRIEND_REQUEST:
      return `friend request from ${who(push)} — answer with ackaddfriend:${push.from}:true or ` +
        `ackaddfriend:${push.from}:false`;
    case Msg.FRIEND_RESPONSE:
      return `${who(push)} ${push.flag ? "accepted" : "refused"} your friend request`;
  }
}

function ownLine(push: Push, time: string): string | undefined {
  switch (push.msgid) {
    case Msg.CHAT:
      return `${time} you to ${push.toid ?? "?"}${saidOf(push)}`;
    case Msg.GROUP_CHAT:
      return `${time} you to group ${push.groupid}${saidOf(push)}`;
    case Msg.EVENT: {
      const done = doneOf(push);
      return done && `${time} ${whereOf(push.conv)}you ${done}`;
    }
    case Msg.FRIEND_REQUEST:
      return `you asked [${push.toid ?? "?"}] to become friends`;
    case Msg.FRIEND_RESPONSE:
      return `you ${push.flag ? "accepted" : "refused"} the friend request of [${push.toid ?? "?"}]`;
  }
}

/** The line of `history` that shows an entry: never to be mistaken for one that has just come. */
export function historyLine(push: Push, now: number): string | undefined {
  const place = `history ${sanitize(push.conv ?? "?")} #${push.seq ?? "?"} `;
  switch (push.msgid) {
    case Msg.CHAT:
    case Msg.GROUP_CHAT:
    case Msg.EVENT: {
      const line = pushLine(push, { now });
      return line && place + line;
    }
    case Msg.FRIEND_REQUEST:
      return `${place}${formatTime(push.at ?? now)} ${who(push)} asked to become friends`;
    case Msg.FRIEND_RESPONSE:
      return `${place}${formatTime(push.at ?? now)} ${who(push)} ${push.flag ? "accepted" : "refused"}`;
  }
}

/** The line of `search` that shows a message; undefined for what is none. */
export function foundLine(push: Push, now: number): string | undefined {
  const line = pushLine(push, { now });
  return line && `found ${sanitize(push.conv ?? "?")} #${push.seq ?? "?"} ${line}`;
}

/** The line about an own message that has come one step further. */
export function markLine(mark: Mark): string {
  const about = parseConv(mark.conv);
  const where = about?.kind === "group" ? ` in group ${about.group}` : "";
  const what = mark.kind === "read" ? `read by ${mark.reader}` : `delivered to ${mark.reader}`;
  return `${what}${where} up to #${mark.seq}`;
}

/** `error 103: no such user`. */
export function errorLine(error: { errno: number; errmsg?: string | undefined }): string {
  return `error ${error.errno}: ${sanitize(error.errmsg ?? MEANINGS[error.errno] ?? "refused")}`;
}

/** For servers that send no sentence with it. */
const MEANINGS: Readonly<Record<number, string>> = {
  1: "refused",
  2: "this account is already logged in",
  103: "no such user",
  104: "no such group",
  105: "not a member of the group",
  106: "too fast",
  107: "too long",
  108: "the server cannot use its database just now, try again",
  109: "not allowed",
  110: "the server is stopping",
  111: "already done",
  112: "too many connections or failed logins",
};

/** What follows on the name of one who wrote a message. */
function saidOf(
  { msg, re, edited }: { msg?: string | undefined; re?: number | undefined; edited?: number | undefined },
) {
  if (msg === undefined) return " recalled this message";
  const about = re === undefined ? "" : ` answers #${re}`;
  return `${about}${edited === undefined ? "" : " (edited)"}: ${sanitize(msg)}`;
}

/** What the sender of an event has done; undefined if this client does not know. */
function doneOf({ kind, ref, msg, emoji = "", on }: FrameOf<typeof Msg.EVENT>): string | undefined {
  const about = `#${ref}`;
  switch (kind) {
    case "edit":
      return msg === undefined
        ? `edited message ${about}, which was recalled`
        : `edited message ${about}: ${sanitize(msg)}`;
    case "recall":
      return `recalled message ${about}`;
    case "react":
      return `${on ? "reacts" : "no longer reacts"} with ${sanitize(emoji)} to message ${about}`;
    case "unfriend":
      return "is no longer your friend";
  }
  return undefined;
}

function whereOf(conv: string): string {
  const about = parseConv(conv);
  return about?.kind === "group" ? `(group ${about.group}) ` : "";
}

function who(push: { from: number; name?: string | undefined }): string {
  return push.name === undefined ? `[${push.from}]` : `[${push.from}] ${sanitize(push.name)}`;
}
