import { parseConv } from "../../protocol/conversation.ts";
import { type Kind, needsOf } from "../../protocol/kinds.ts";
import type { LogMessage, Role } from "../../protocol/messages.ts";
import { type Fact, type Standing, UNKNOWN } from "../../protocol/standing.ts";
import type { Facts } from "../plan.ts";
import type { NewMessage } from "../store.ts";
import { padded, placeholders, roundedUp, type Session } from "./database.ts";
import type { Named } from "./known.ts";
import { MESSAGE_COLUMNS, type MessageRow, NEWEST, toMessage } from "./log.ts";

/**
 * An entry with the mid that it is stored under: the client's, or one made here, once, so that trying again finds it.
 */
export type Entry = NewMessage & {
  readonly key: string;
  /** Which of the logs that this node has known it was written for. */
  readonly history: number;
};

/** The columns of each fact, as far as they were asked for; null where there is nothing. */
interface StandingRow {
  readonly seq: number | null;
  readonly friends?: number;
  readonly asked?: number;
  readonly wanted?: number;
  readonly mostFriends?: number;
  readonly role?: Role | null;
  readonly joined?: number | null;
  readonly targetRole?: Role | null;
  readonly kind?: Kind | null;
  readonly author?: number;
  readonly at?: number;
  readonly recalled?: number;
}

/** What an entry that is not plain depends on, and the newest number of its conversation, all of one moment. */
interface Found {
  readonly seq: number | undefined;
  readonly standing: Standing;
}

/** How each fact is read: columns, the tables that they come from beside others, and the values of both. */
interface Source {
  readonly columns: string;
  readonly join?: string;
  readonly values: (entry: Entry) => (string | number)[];
}

const SOURCES: Readonly<Record<Fact, Source>> = {
  between: {
    columns: `EXISTS (SELECT 1 FROM friend WHERE userid = ? AND friendid = ?) AS friends,
      EXISTS (SELECT 1 FROM friendrequest WHERE userid = ? AND friendid = ?) AS asked,
      EXISTS (SELECT 1 FROM friendrequest WHERE userid = ? AND friendid = ?) AS wanted`,
    values: ({ sender, to = 0 }) => [sender, to, sender, to, to, sender],
  },
  mostFriends: {
    columns: `GREATEST((SELECT COUNT(*) FROM friend WHERE userid = ?),
      (SELECT COUNT(*) FROM friend WHERE userid = ?)) AS mostFriends`,
    values: ({ sender, to = 0 }) => [sender, to],
  },
  member: {
    columns: "mine.grouprole AS role, view.joined AS joined",
    join: `LEFT JOIN groupuser AS mine ON mine.groupid = ? AND mine.userid = ?
      LEFT JOIN progress AS view ON view.userid = ? AND view.conv = ?`,
    values: ({ conv, sender }) => [groupOf(conv), sender, sender, conv],
  },
  target: {
    columns: "theirs.grouprole AS targetRole",
    join: "LEFT JOIN groupuser AS theirs ON theirs.groupid = ? AND theirs.userid = ?",
    values: ({ conv, fields }) => [groupOf(conv), fields?.userid ?? 0],
  },
  entry: {
    columns: "referred.kind, referred.sender AS author, referred.at, referred.body = '' AS recalled",
    join: "LEFT JOIN message AS referred ON referred.conv = ? AND referred.seq = ?",
    values: ({ conv, ref = 0 }) => [conv, ref],
  },
};

function groupOf(conv: string): number {
  const about = parseConv(conv);
  return about?.kind === "group" ? about.group : 0;
}

/** The newest numbers of those of the conversations that have begun. Reads without locks. */
export async function readNewest(session: Session, convs: Iterable<string>): Promise<Map<string, number>> {
  const some = [...new Set(convs)];
  if (some.length === 0) return new Map();
  const names = roundedUp(some);
  const rows = await session.rows<{ conv: string; seq: number }>(
    `SELECT conversation.conv, ${NEWEST("conversation")} AS seq FROM conversation
      WHERE conversation.conv IN (${placeholders(names.length)})`,
    names,
  );
  return new Map(rows.map(({ conv, seq }) => [conv, seq]));
}

/** What is stored under the senders and mids of entries, by `sender key`. */
export async function readStored(
  session: Session,
  entries: readonly Entry[],
): Promise<Map<string, LogMessage>> {
  const some = roundedUp(entries);
  const rows = await session.rows<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM message LEFT JOIN user ON user.id = message.sender
      WHERE (message.sender, message.mid) IN (${placeholders(some.length, 2)})`,
    some.flatMap(({ sender, key }) => [sender, key]),
  );
  return new Map(rows.map((row) => [`${row.sender} ${row.mid}`, toMessage(row)]));
}

/** Who wrote the entries of these numbers, and under which mids, by `conv seq`. */
export async function readNames(
  session: Session,
  places: readonly { readonly conv: string; readonly seq: number }[],
): Promise<Map<string, Named>> {
  const some = padded(places);
  const rows = await session.rows<Named & { conv: string }>(
    `SELECT conv, seq, sender, mid AS \`key\` FROM message WHERE (conv, seq) IN (${
      placeholders(some.length, 2)
    })`,
    some.flatMap(({ conv, seq }) => [conv, seq]),
  );
  return new Map(rows.map((row) => [`${row.conv} ${row.seq}`, row]));
}

/** Which of the entries are for somebody who is there, by id. Only those are asked about whose conversation begins. */
export async function readUsers(session: Session, entries: readonly Entry[]): Promise<Set<number>> {
  const wanted = new Set(entries.flatMap(({ to }) => to === undefined ? [] : [to]));
  if (wanted.size === 0) return new Set();
  const ids = roundedUp([...wanted]);
  const rows = await session.rows<{ id: number }>(
    `SELECT id FROM user WHERE id IN (${placeholders(ids.length)})`,
    ids,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Reads what the entry's kind needs by one statement: nothing of it is older or newer than the rest. */
export async function readStanding(session: Session, entry: Entry): Promise<Found> {
  const sources = needsOf(entry).map((fact) => SOURCES[fact]);
  // Columns come before tables, and so do their values.
  const ordered = [...sources.filter(({ join }) => !join), ...sources.filter(({ join }) => join)];
  const columns = [
    `(SELECT ${NEWEST("conversation")} FROM conversation WHERE conversation.conv = ?) AS seq`,
    ...ordered.map(({ columns }) => columns),
  ];
  const [row] = await session.rows<StandingRow>(
    `SELECT ${columns.join(", ")} FROM (SELECT 1) AS one ${ordered.map(({ join = "" }) => join).join(" ")}`,
    [entry.conv, ...ordered.flatMap(({ values }) => values(entry))],
  );
  return { seq: row!.seq ?? undefined, standing: standingOf(row!, entry) };
}

function standingOf(row: StandingRow, { fields }: Entry): Standing {
  const { friends = 0, asked = 0, wanted = 0, mostFriends = 0, role, joined, targetRole, kind } = row;
  return {
    between: { friends: friends > 0, asked: asked > 0, wanted: wanted > 0 },
    mostFriends,
    member: role ? { role, joined: joined ?? 0 } : undefined,
    target: fields?.userid === undefined ? undefined : { role: targetRole ?? undefined },
    entry: kind ? { kind, sender: row.author!, at: row.at!, recalled: row.recalled === 1 } : undefined,
  };
}

/** Facts as they were read. */
export function factsOf(found: {
  newest: ReadonlyMap<string, number>;
  stored?: ReadonlyMap<string, LogMessage>;
  users?: ReadonlySet<number>;
  standing?: Standing;
}): Facts {
  const { newest, stored, users, standing = UNKNOWN } = found;
  return {
    newest: (conv) => newest.get(conv),
    stored: (entry) => stored?.get(`${entry.sender} ${(entry as Entry).key}`),
    isUser: (id) => users?.has(id) ?? false,
    standing: () => standing,
  };
}
