import type { DatabaseSync } from "node:sqlite";
import { parseConv } from "../../protocol/conversation.ts";
import { needsOf } from "../../protocol/kinds.ts";
import type { LogMessage } from "../../protocol/messages.ts";
import {
  type Between,
  type Membership,
  type Standing,
  STRANGERS,
  type Target,
} from "../../protocol/standing.ts";
import type { Facts } from "../plan.ts";
import type { NewMessage } from "../store.ts";
import type { Filing } from "./filing.ts";
import { MESSAGE, type MessageRow, PLACE, toMessage } from "./messages.ts";
import { Statement } from "./statements.ts";

/** What the database says, with what is known without asking it. */
export function facts(
  db: DatabaseSync,
  { newest, filing }: { newest: ReadonlyMap<string, number>; filing: Pick<Filing, "find"> },
): Facts {
  // The larger one, should they differ: a number that is taken is never given again.
  const seq = new Statement<{ seq: number }>(
    db,
    `SELECT max(seq, coalesce((SELECT max(seq) FROM entry_place WHERE entry_place.conv = conversation.conv), 0)) AS seq
       FROM conversation WHERE conv = ?`,
  );
  const idOf = new Statement<{ id: number }>(db, "SELECT id FROM entry_mid WHERE sender = ? AND mid = ?");
  const message = new Statement<MessageRow>(db, MESSAGE);
  const user = new Statement<{ id: number }>(db, "SELECT id FROM user WHERE id = ?");
  const standing = standingOf(db);
  const at = (id: number | undefined): LogMessage | undefined => {
    const row = id === undefined ? undefined : message.get(id);
    return row && toMessage(row);
  };
  return {
    newest: (conv) => newest.get(conv) ?? seq.get(conv)?.seq,
    stored: ({ sender, mid }) =>
      mid === null ? undefined : at(filing.find(sender, mid) ?? idOf.get(sender, mid)?.id),
    isUser: (id) => user.get(id) !== undefined,
    standing,
  };
}

function standingOf(db: DatabaseSync): (entry: NewMessage) => Standing {
  const between = new Statement<Record<keyof Between, number>>(
    db,
    `SELECT EXISTS (SELECT 1 FROM friend WHERE userid = ?1 AND friendid = ?2) AS friends,
            EXISTS (SELECT 1 FROM friendrequest WHERE userid = ?1 AND friendid = ?2) AS asked,
            EXISTS (SELECT 1 FROM friendrequest WHERE userid = ?2 AND friendid = ?1) AS wanted`,
  );
  const mostFriends = new Statement<{ most: number }>(
    db,
    `SELECT max((SELECT count(*) FROM friend WHERE userid = ?1),
                (SELECT count(*) FROM friend WHERE userid = ?2)) AS most`,
  );
  const member = new Statement<Membership>(
    db,
    `SELECT groupuser.grouprole AS role, progress.joined
       FROM groupuser JOIN progress ON progress.userid = groupuser.userid AND progress.conv = ?3
      WHERE groupuser.groupid = ?1 AND groupuser.userid = ?2`,
  );
  const target = new Statement<Target>(
    db,
    "SELECT grouprole AS role FROM groupuser WHERE groupid = ? AND userid = ?",
  );
  const place = new Statement<{ id: number }>(db, PLACE);
  const message = new Statement<MessageRow>(db, MESSAGE);

  return (entry) => {
    const { conv, sender, to, ref, fields } = entry;
    const needs = needsOf(entry);
    const about = parseConv(conv);
    const group = about?.kind === "group" ? about.group : 0;
    const { userid } = fields ?? {};
    const id = needs.includes("entry") && ref !== undefined ? place.get(conv, ref)?.id : undefined;
    const referred = id === undefined ? undefined : message.get(id);
    return {
      between: needs.includes("between") && to !== undefined
        ? betweenOf(between.get(sender, to)!)
        : STRANGERS,
      mostFriends: needs.includes("mostFriends") && to !== undefined ? mostFriends.get(sender, to)!.most : 0,
      member: needs.includes("member") ? member.get(group, sender, conv) : undefined,
      target: needs.includes("target") && userid !== undefined
        ? target.get(group, userid) ?? { role: undefined }
        : undefined,
      entry: referred && {
        kind: referred.kind,
        sender: referred.sender,
        at: referred.at,
        recalled: referred.body === "",
      },
    };
  };
}

const betweenOf = ({ friends, asked, wanted }: Record<keyof Between, number>): Between => ({
  friends: friends > 0,
  asked: asked > 0,
  wanted: wanted > 0,
});
