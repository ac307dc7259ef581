import { messageFrame } from "./message_frame.ts";
import type { LoginAck, Reply } from "./messages.ts";
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
  const frame: Record<string, unknown> = { msgid: ack.msgid, errno: 0, id: ack.id, name: ack.name };
  if (ack.missed?.length) frame.offlinemsg = ack.missed.flatMap((message) => messageFrame(message, 1) ?? []);
  if (ack.friends.length) {
    frame.friends = ack.friends.map(({ id, name, state }) => JSON.stringify({ id, name, state }));
  }
  if (ack.groups.length) {
    frame.groups = ack.groups.map(({ id, groupname, groupdesc, members }) =>
      JSON.stringify({
        id,
        groupname,
        groupdesc,
        users: members.map(({ id, name, state, role }) => JSON.stringify({ id, name, state, role })),
      })
    );
  }
  return frame;
}
