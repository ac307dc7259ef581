-- One row. log names the message log: another name means that the database came back older than it had been.
CREATE TABLE cluster (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  name   TEXT NOT NULL,
  secret TEXT NOT NULL,
  log    TEXT NOT NULL
) STRICT;
