import type { DatabaseSync } from "node:sqlite";

/**
 * Turns what waits for single receivers into conversations. In `numbered` stand the entries with their numbers, in
 * `place` where each member of a conversation is.
 *
 * - The older servers store a message to a group once for each receiver: rows with the same sender, text and time are
 *   one entry, unless they are for the same receiver.
 * - A member is pushed everything after their cursor. So that this is what waited for them and nothing else, entries that
 *   waited for fewer members come first. Who is away misses everything that follows, so this is their order anyway,
 *   unless the older server has lost something.
 * - Nobody knows when somebody joined a group: a member's view begins with the first entry that waited for them or is
 *   their own.
 */
const NUMBERING = `
  CREATE TEMP TABLE copy AS
    SELECT receiver, conv, sender, min(pos) OVER (PARTITION BY conv, sender, kind, said, body, nth) AS first
      FROM (SELECT pos, receiver, conv, kind, sender, said, body,
                   row_number() OVER (PARTITION BY conv, receiver, sender, kind, said, body ORDER BY pos) AS nth
              FROM waiting);

  CREATE TEMP TABLE numbered AS
    SELECT conv, row_number() OVER (PARTITION BY conv ORDER BY receivers, first) AS seq, first, sender
      FROM (SELECT conv, first, sender, count(*) AS receivers FROM copy GROUP BY conv, first);
  CREATE INDEX numbered_first ON numbered (first, seq);
  CREATE INDEX numbered_sender ON numbered (conv, sender, seq);

  CREATE TEMP TABLE conversation AS
    SELECT 'g' || id AS conv, coalesce((SELECT max(seq) FROM numbered WHERE numbered.conv = 'g' || id), 0) AS newest
      FROM chatgroup
    UNION ALL
    SELECT conv, max(seq) FROM numbered WHERE conv LIKE 'u%' GROUP BY conv;
  CREATE UNIQUE INDEX conversation_conv ON conversation (conv, newest);

  CREATE TEMP TABLE missed AS
    SELECT copy.conv, copy.receiver AS user, min(numbered.seq) AS first, count(DISTINCT numbered.seq) AS entries
      FROM copy JOIN numbered ON numbered.first = copy.first GROUP BY copy.conv, copy.receiver;
  CREATE UNIQUE INDEX missed_conv ON missed (conv, user);

  CREATE TEMP TABLE place AS
    SELECT theirs.conv, theirs.user,
           CASE WHEN theirs.conv LIKE 'u%' THEN 0
                ELSE coalesce(min(coalesce(missed.first, own.first), coalesce(own.first, missed.first)) - 1, newest) END AS joined,
           coalesce(missed.first - 1, newest) AS delivered
      FROM (SELECT 'g' || chatgroup AS conv, user FROM member
            UNION SELECT conv, sender FROM copy WHERE conv LIKE 'u%'
            UNION SELECT conv, receiver FROM copy WHERE conv LIKE 'u%') AS theirs
      JOIN conversation ON conversation.conv = theirs.conv
      LEFT JOIN missed ON missed.conv = theirs.conv AND missed.user = theirs.user
      LEFT JOIN (SELECT conv, sender, min(seq) AS first FROM numbered GROUP BY conv, sender) AS own
        ON own.conv = theirs.conv AND own.sender = theirs.user
     ORDER BY theirs.conv, theirs.user`;

/** What a member is pushed although it did not wait for them, nor is their own. */
const AGAIN = `
  SELECT total(max(0, newest - missed.first + 1 - entries
                        - (SELECT count(*) FROM numbered
                            WHERE numbered.conv = missed.conv AND numbered.sender = missed.user
                              AND numbered.seq > missed.first))) AS again
    FROM missed JOIN conversation ON conversation.conv = missed.conv`;

/** Numbers the entries. `again`: how many messages some members will see again. */
export function numberEntries(db: DatabaseSync): { entries: number; again: number } {
  db.exec(NUMBERING);
  const count = db.prepare("SELECT count(*) AS entries FROM numbered").get();
  return { entries: Number(count?.entries), again: Number(db.prepare(AGAIN).get()?.again) };
}
