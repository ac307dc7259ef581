-- Messages are committed to the end of one table without keys, and filed under their conversations later, many at
-- once: `message` with its two keys costs a commit two pages a message, `message_arrived` one page for dozens.
-- Whoever reads sees both as `message`.

ALTER TABLE message RENAME TO message_filed;

CREATE TABLE message_arrived (
  conv   TEXT    NOT NULL,
  seq    INTEGER NOT NULL,
  sender INTEGER NOT NULL,
  mid    TEXT,
  kind   TEXT    NOT NULL CHECK (kind IN ('chat', 'request', 'accept', 'refuse')),
  body   TEXT    NOT NULL,
  at     INTEGER NOT NULL
) STRICT;

CREATE VIEW message AS
  SELECT conv, seq, sender, mid, kind, body, at FROM message_filed
  UNION ALL
  SELECT conv, seq, sender, mid, kind, body, at FROM message_arrived;
