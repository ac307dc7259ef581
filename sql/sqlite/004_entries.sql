-- A message is written once, to the end of one table without indexes. Its two keys are built later, for many messages
-- at once ("filing"): they point to the row and do not repeat it. filed.id says up to which row the keys exist.
-- Whoever reads sees all of it as `message`.

CREATE TABLE entry (
  id     INTEGER PRIMARY KEY,
  conv   TEXT    NOT NULL,
  seq    INTEGER NOT NULL,
  sender INTEGER NOT NULL,
  -- The sender's own id of the message; null from clients that send none.
  mid    TEXT,
  kind   TEXT    NOT NULL,
  -- The text as a JSON string literal: the one form that every string has.
  body   TEXT    NOT NULL,
  -- Unix milliseconds.
  at     INTEGER NOT NULL
) STRICT;

CREATE TABLE entry_place (
  conv TEXT    NOT NULL,
  seq  INTEGER NOT NULL,
  id   INTEGER NOT NULL,
  PRIMARY KEY (conv, seq)
) STRICT, WITHOUT ROWID;

-- A resent message is stored once, however late and however often it comes.
CREATE TABLE entry_mid (
  sender INTEGER NOT NULL,
  mid    TEXT    NOT NULL,
  id     INTEGER NOT NULL,
  PRIMARY KEY (sender, mid)
) STRICT, WITHOUT ROWID;

-- One row.
CREATE TABLE filed (
  id INTEGER NOT NULL
) STRICT;

DROP VIEW message;

INSERT INTO entry (id, conv, seq, sender, mid, kind, body, at)
  SELECT rowid, conv, seq, sender, mid, kind, body, at FROM message_filed;

-- Both in the order of an index that the old table has: each page of the keys is written once.
INSERT INTO entry_place (conv, seq, id) SELECT conv, seq, rowid FROM message_filed ORDER BY conv, seq;

INSERT INTO entry_mid (sender, mid, id)
  SELECT sender, mid, rowid FROM message_filed WHERE mid IS NOT NULL ORDER BY sender, mid;

INSERT INTO filed (id) SELECT coalesce(max(id), 0) FROM entry;

INSERT INTO entry (conv, seq, sender, mid, kind, body, at)
  SELECT conv, seq, sender, mid, kind, body, at FROM message_arrived ORDER BY rowid;

DROP TABLE message_filed;

DROP TABLE message_arrived;

-- A row that is deleted takes its keys with it.
CREATE TRIGGER entry_deleted AFTER DELETE ON entry BEGIN
  DELETE FROM entry_place WHERE conv = old.conv AND seq = old.seq AND id = old.id;
  DELETE FROM entry_mid WHERE sender = old.sender AND mid = old.mid AND id = old.id;
  END;

CREATE VIEW message AS
  SELECT entry_place.conv, entry_place.seq, sender, mid, kind, body, at
    FROM entry_place JOIN entry ON entry.id = entry_place.id
  UNION ALL
  SELECT conv, seq, sender, mid, kind, body, at FROM entry WHERE id > (SELECT id FROM filed);
