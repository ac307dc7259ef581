import type { Row } from "../plan.ts";
import { StoreUnavailable } from "../store.ts";
import { inParts, placeholders, roundedUp, type Session, type Value } from "./database.ts";
import { EFFECTS } from "./effects.ts";
import type { Entry } from "./facts.ts";
import { NEWEST } from "./log.ts";

type Rows = readonly Row<Entry>[];

const valuesOf = ({ message, entry }: Row<Entry>): Value[] => [
  message.conv,
  message.seq,
  message.sender,
  entry.key,
  message.kind,
  message.body,
  message.at,
  message.ref ?? null,
];

/**
 * Makes the conversations known that begin with some of the rows, with their members. Done again it changes nothing, and
 * it comes first: an entry whose members nobody knows would not be found by those who were offline. The members come
 * before the conversation: other nodes take it for begun, even if this one stops in between.
 */
export async function begin(session: Session, rows: Rows): Promise<void> {
  const entries = rows.filter(({ begins }) => begins).map(({ entry }) => entry);
  if (entries.length === 0) return;
  const members = roundedUp(
    entries.flatMap(({ conv, sender, to = sender }) =>
      sender === to ? [[sender, conv]] : [[sender, conv], [to, conv]]
    ),
  );
  await session.run(
    `INSERT INTO progress (userid, conv, joined, delivered, \`read\`)
     VALUES ${
      Array(members.length).fill("(?, ?, 0, 0, 0)").join(", ")
    } ON DUPLICATE KEY UPDATE userid = userid`,
    members.flat(),
  );
  const convs = roundedUp(entries.map(({ conv }) => conv));
  await session.run(
    `INSERT INTO conversation (conv) VALUES ${Array(convs.length).fill("(?)").join(", ")}
     ON DUPLICATE KEY UPDATE conv = VALUES(conv)`,
    convs,
  );
}

/** Inserts plain rows: a statement or two, each committed when it returns. The keys judge. */
export async function insert(session: Session, rows: Rows): Promise<void> {
  for (const part of inParts(rows)) {
    await session.run(
      `INSERT INTO message (conv, seq, sender, mid, kind, body, at, ref) VALUES ${
        placeholders(part.length, 8)
      }`,
      part.flatMap(valuesOf),
    );
  }
}

/**
 * Inserts one row and does what goes with it. That the row gets the number which was read together with everything that
 * allowed it is why nothing had to be locked: whatever changes how people stand to each other or to a group, or an entry
 * of its log, is an entry of that conversation, and would have taken that number.
 */
export async function insertWithEffects(session: Session, row: Row<Entry>): Promise<void> {
  const effects = row.effects.map((effect) => EFFECTS[effect]);
  const own = Object.assign({}, ...effects.map(({ values }) => values?.(row.entry.fields ?? {})));
  const names = Object.keys(own);
  await session.run(
    `SET @conv = CONVERT(? USING ascii) COLLATE ascii_bin, @seq = CAST(? AS SIGNED), @sender = CAST(? AS SIGNED), @mid = ?,
      @kind = ?, @body = ?, @at = CAST(? AS SIGNED), @ref = CAST(? AS SIGNED), @to = CAST(? AS SIGNED)${
      names.map((name) => `, @${name} = ?`).join("")
    }`,
    [...valuesOf(row), row.entry.to ?? null, ...names.map((name): Value => own[name])],
  );
  await atOnce(session, [
    `INSERT INTO message (conv, seq, sender, mid, kind, body, at, ref)
     VALUES (@conv, @seq, @sender, @mid, @kind, @body, @at, @ref)`,
    ...effects.flatMap(({ sql }) => sql),
  ]);
}

/**
 * Inserts plain rows of one conversation that has begun, under the numbers that are next when it happens; other nodes
 * that do so as well wait for each other in the database. One statement, so that one which a key refuses leaves no lock
 * behind, also if this node freezes then. Returns the number that was the newest before.
 */
export async function insertAtEnd(session: Session, rows: Rows): Promise<number> {
  const own = rows.map((_, i) =>
    `@sender${i} = ?, @mid${i} = ?, @kind${i} = ?, @body${i} = ?, @ref${i} = CAST(? AS SIGNED)`
  );
  const [first] = rows;
  await session.run(`SET @conv = CONVERT(? USING ascii) COLLATE ascii_bin, @at = ?, ${own.join(", ")}`, [
    first!.message.conv,
    first!.message.at,
    ...rows.flatMap(({ message, entry }): Value[] => [
      message.sender,
      entry.key,
      message.kind,
      message.body,
      message.ref ?? null,
    ]),
  ]);
  const added = rows.map((_, i) =>
    `SELECT ${
      i + 1
    } AS n, @sender${i} AS sender, @mid${i} AS mid, @kind${i} AS kind, @body${i} AS body, @ref${i} AS ref`
  );
  const [found] = await session.script<{ newest: number }>([
    `INSERT INTO message (conv, seq, sender, mid, kind, body, at, ref)
     SELECT conversation.conv, ${
      NEWEST("conversation")
    } + added.n, added.sender, added.mid, added.kind, added.body, @at, added.ref
       FROM conversation JOIN (${added.join(" UNION ALL ")}) AS added
      WHERE conversation.conv = @conv COLLATE ascii_bin FOR UPDATE`,
    "SELECT seq - 1 AS newest FROM message WHERE sender = @sender0 AND mid = CONVERT(@mid0 USING ascii) COLLATE ascii_bin",
  ]);
  return found!.newest;
}

/**
 * A transaction that is sent as a whole, so that the database holds no lock while it waits for this node. The values of
 * its constant statements are in variables.
 */
async function atOnce(session: Session, statements: readonly string[]): Promise<void> {
  try {
    await session.script(["START TRANSACTION", ...statements, "COMMIT"]);
  } catch (error) {
    // Of a connection that is lost the database itself rolls back what was not committed.
    if (!(error instanceof StoreUnavailable)) await session.command("ROLLBACK");
    throw error;
  }
}
