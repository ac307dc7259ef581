-- Which texts hold which three characters in a row. The index does not repeat the texts, and is built after the commit
-- ("indexing"): entries with low < id <= high are in it; older ones of a database from before follow from above.
CREATE VIRTUAL TABLE entry_text USING fts5(body, content = '', columnsize = 0, detail = none, tokenize = 'trigram');

-- What is taken out is gone, not marked as gone.
INSERT INTO entry_text (entry_text, rank) VALUES ('secure-delete', 1);

-- All that the index holds, in order: what begins with two characters stands together.
CREATE VIRTUAL TABLE entry_term USING fts5vocab(entry_text, 'row');

-- One row.
CREATE TABLE searched (
  low  INTEGER NOT NULL,
  high INTEGER NOT NULL
) STRICT;

INSERT INTO searched (low, high)
  SELECT newest, newest FROM (SELECT coalesce(max(id), 0) AS newest FROM entry);

-- A text that changes or goes leaves the index in the same transaction. The space is for the text's last two characters,
-- with which three begin, too.
CREATE TRIGGER entry_reworded AFTER UPDATE OF body ON entry
  WHEN old.kind = 'chat' AND old.id > (SELECT low FROM searched) AND old.id <= (SELECT high FROM searched) BEGIN
  INSERT INTO entry_text (entry_text, rowid, body) VALUES ('delete', old.id, old.body || ' ');
  INSERT INTO entry_text (rowid, body) VALUES (new.id, new.body || ' ');
  END;

CREATE TRIGGER entry_unsearched AFTER DELETE ON entry
  WHEN old.kind = 'chat' AND old.id > (SELECT low FROM searched) AND old.id <= (SELECT high FROM searched) BEGIN
  INSERT INTO entry_text (entry_text, rowid, body) VALUES ('delete', old.id, old.body || ' ');
  END;
