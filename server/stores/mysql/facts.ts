import { STRANGERS } from "../../protocol/kinds.ts";
import type { LogMessage } from "../../protocol/messages.ts";
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

/** How the two of an entry stand to each other, and that its number is this, all of one moment. */
interface Standing {
  readonly seq: number | null;
  readonly friends: number;
  readonly asked: number;
  readonly wanted: number;
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

/** What an entry with effects depends on, read by one statement: nothing of it is older or newer than the rest. */
export async function readStanding(session: Session, entry: Entry): Promise<Standing> {
  const { conv, sender, to = 0 } = entry;
  const [row] = await session.rows<Standing>(
    `SELECT (SELECT ${NEWEST("conversation")} FROM conversation WHERE conversation.conv = ?) AS seq,
            EXISTS (SELECT 1 FROM friend WHERE userid = ? AND friendid = ?) AS friends,
            EXISTS (SELECT 1 FROM friendrequest WHERE userid = ? AND friendid = ?) AS asked,
            EXISTS (SELECT 1 FROM friendrequest WHERE userid = ? AND friendid = ?) AS wanted`,
    [conv, sender, to, sender, to, to, sender],
  );
  return row!;
}

/** Facts as they were read. */
export function factsOf(found: {
  newest: ReadonlyMap<string, number>;
  stored?: ReadonlyMap<string, LogMessage>;
  users?: ReadonlySet<number>;
  standing?: Standing;
}): Facts {
  const { newest, stored, users, standing } = found;
  const between = standing
    ? {
      friends: standing.friends > 0,
      asked: standing.asked > 0,
      wanted: standing.wanted > 0,
    }
    : STRANGERS;
  return {
    newest: (conv) => newest.get(conv),
    stored: (entry) => stored?.get(`${entry.sender} ${(entry as Entry).key}`),
    isUser: (id) => users?.has(id) ?? false,
    between: () => between,
  };
}
