-- What an entry is about in its conversation (the number of the one that it replies to, edits, …), and when its text was
-- last edited. The body is the text as it stands now, and empty when the text was recalled.

ALTER TABLE message ADD COLUMN ref BIGINT NULL, ADD COLUMN edited BIGINT NULL;

-- Which entries edited an entry, so that a recall finds their texts.
CREATE TABLE IF NOT EXISTS edit (
  conv VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  ref  BIGINT      NOT NULL,
  seq  BIGINT      NOT NULL,
  PRIMARY KEY (conv, ref, seq)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS reaction (
  conv   VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  ref    BIGINT      NOT NULL,
  emoji  VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  userid BIGINT      NOT NULL,
  PRIMARY KEY (conv, ref, emoji, userid)
) ENGINE = InnoDB;
