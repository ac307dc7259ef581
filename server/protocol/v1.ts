import { messageFrame } from "./message_frame.ts";
import type { Friend, Group, LoginAck, Member, Reply } from "./messages.ts";
import { Msg } from "./msgid.ts";

/**
 * The one place that knows what programs of the first generation expect: turns a reply into the v1 frame that says
 * the same, or undefined where v1 has no word for it.
 */
export function toV1(reply: Reply): Record<string, unknown> | undefined {
  switch (reply.msgid) {
    case Msg.LOGIN_ACK:
      return "id" in reply
        ? loginAck(reply)
        : { msgid: Msg.LOGIN_ACK, errno: reply.errno, errmsg: reply.errmsg };
    case Msg.REGISTER_ACK:
      return reply.id === undefined
        ? { msgid: Msg.REGISTER_ACK, errno: reply.errno }
        : { msgid: Msg.REGISTER_ACK, errno: reply.errno, id: reply.id };
    case Msg.ERROR: {
      const { mid: _, rid: __, ...error } = reply;
      return error;
    }
    case Msg.JOIN_GROUP_ACK:
      return reply.errno === 0
        ? undefined
        : { msgid: Msg.ERROR, errno: reply.errno, errmsg: reply.errmsg ?? "not joined", ref: Msg.JOIN_GROUP };
    default:
      return undefined;
  }
}

/** v1 lists are arrays of strings, each itself a JSON document, and left out when empty. */
function loginAck(ack: LoginAck): Record<string, unknown> {
  const frame: Record<string, unknown> = loginAckHead(ack);
  const requests = (ack.requests ?? []).map((request) => requestText(request, ack.id));
  const missed = (ack.missed ?? []).flatMap((message) => messageFrame(message, 1) ?? []);
  if (requests.length + missed.length > 0) frame.offlinemsg = [...requests, ...missed];
  if (ack.friends.length) frame.friends = ack.friends.map(friendText);
  if (ack.groups.length) frame.groups = ack.groups.map(groupText);
  return frame;
}

/** What a LOGIN_ACK has beside its lists. */
export const loginAckHead = ({ msgid, id, name }: LoginAck) => ({ msgid, errno: 0, id, name });

/** A friend request as it would have been pushed. */
export const requestText = ({ from, msg }: { from: number; msg: string }, toid: number): string =>
  JSON.stringify({ msgid: Msg.FRIEND_REQUEST, from, toid, msg });

export const friendText = ({ id, name, state }: Friend): string => JSON.stringify({ id, name, state });

export const memberText = ({ id, name, state, role }: Member): string =>
  JSON.stringify({ id, name, state, role });

export const groupText = ({ id, groupname, groupdesc, members = [] }: Group): string =>
  JSON.stringify({ id, groupname, groupdesc, users: members.map(memberText) });
