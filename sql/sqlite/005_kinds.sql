-- What an entry is about in its conversation (the number of the one that it replies to, edits, …), and when its text was
-- last edited. The body is the text as it stands now, and empty when the text was recalled.

ALTER TABLE entry ADD COLUMN ref INTEGER;

ALTER TABLE entry ADD COLUMN edited INTEGER;

-- Which entries edited an entry, so that a recall finds their texts.
CREATE TABLE edit (
  conv TEXT    NOT NULL,
  ref  INTEGER NOT NULL,
  seq  INTEGER NOT NULL,
  PRIMARY KEY (conv, ref, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE reaction (
  conv   TEXT    NOT NULL,
  ref    INTEGER NOT NULL,
  emoji  TEXT    NOT NULL,
  userid INTEGER NOT NULL,
  PRIMARY KEY (conv, ref, emoji, userid)
) STRICT, WITHOUT ROWID;

DROP VIEW message;

CREATE VIEW message AS
  SELECT entry_place.conv, entry_place.seq, sender, mid, kind, body, at, ref, edited
    FROM entry_place JOIN entry ON entry.id = entry_place.id
  UNION ALL
  SELECT conv, seq, sender, mid, kind, body, at, ref, edited FROM entry WHERE id > (SELECT id FROM filed);
