import { Errno } from "../errors.ts";

/** Why an entry is not stored: the errno and the sentence that its sender is answered. */
export const REFUSED = {
  no_user: { errno: Errno.NO_SUCH_USER, errmsg: "no such user" },
  already: {
    errno: Errno.ALREADY_DONE,
    errmsg: "you are friends already, or your request is waiting for an answer",
  },
  not_here: { errno: Errno.NOT_ALLOWED, errmsg: "there are no such entries in a conversation of this kind" },
  no_request: { errno: Errno.NOT_ALLOWED, errmsg: "this user has not asked to be your friend" },
  not_friends: { errno: Errno.NOT_ALLOWED, errmsg: "you are not friends" },
  friends_full: { errno: Errno.FULL, errmsg: "one of you has as many friends as a user may have" },
  not_a_member: { errno: Errno.NOT_A_MEMBER, errmsg: "you are not a member of this group" },
  no_entry: { errno: Errno.BAD_FRAME, errmsg: '"ref" names no message that you can see' },
  no_message: { errno: Errno.BAD_FRAME, errmsg: '"ref" names an entry that is no message' },
  recalled: { errno: Errno.NOT_ALLOWED, errmsg: "the message has been recalled" },
  recalled_before: { errno: Errno.ALREADY_DONE, errmsg: "the message has been recalled already" },
  not_yours: { errno: Errno.NOT_ALLOWED, errmsg: "only its author may change a message" },
  too_late: { errno: Errno.NOT_ALLOWED, errmsg: "the message is too old to be edited" },
  may_not_recall: { errno: Errno.NOT_ALLOWED, errmsg: "you may not recall this message" },
} as const satisfies Record<string, { readonly errno: Errno; readonly errmsg: string }>;

/** The name of a reason. */
export type Refused = keyof typeof REFUSED;
