import type { LogMessage } from "../../protocol/messages.ts";

/** A message as it is read. */
export interface MessageRow extends Omit<LogMessage, "ref" | "edited"> {
  readonly ref: number | null;
  readonly edited: number | null;
}

/** The message with an id, with its sender's name as of now; a sender without account has the name "". */
export const MESSAGE =
  `SELECT entry.conv, entry.seq, entry.kind, entry.sender, coalesce(user.name, '') AS senderName,
    entry.mid, entry.body, entry.at, entry.ref, entry.edited
    FROM entry LEFT JOIN user ON user.id = entry.sender WHERE entry.id = ?`;

/** The id of the entry of a conversation with a number, whether it has keys yet or not. */
export const PLACE = `SELECT id FROM entry_place WHERE conv = ?1 AND seq = ?2
  UNION ALL
  SELECT id FROM entry WHERE id > (SELECT id FROM filed) AND conv = ?1 AND seq = ?2
  LIMIT 1`;

export function toMessage({ ref, edited, ...message }: MessageRow): LogMessage {
  return { ...message, ...(ref !== null && { ref }), ...(edited !== null && { edited }) };
}
