/**
 * The message with an id, as a `LogMessage` with its sender's name as of now; a sender without account has the name "".
 */
export const MESSAGE =
  `SELECT entry.conv, entry.seq, entry.kind, entry.sender, coalesce(user.name, '') AS senderName,
    entry.mid, entry.body, entry.at FROM entry LEFT JOIN user ON user.id = entry.sender WHERE entry.id = ?`;
