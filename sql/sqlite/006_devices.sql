-- A user's devices that have a name. The nameless one, which is all that older programs have, has no row here; its
-- cursor is `progress.delivered`.
CREATE TABLE device (
  userid INTEGER NOT NULL REFERENCES user (id),
  device TEXT    NOT NULL,
  -- What the program calls itself.
  client TEXT    NOT NULL,
  -- When it last logged in, or its session ended: Unix milliseconds.
  seen   INTEGER NOT NULL,
  PRIMARY KEY (userid, device)
) STRICT, WITHOUT ROWID;

-- How much was delivered to a device that has a name. Without a row: what its user had joined with.
CREATE TABLE deviceprogress (
  userid    INTEGER NOT NULL,
  device    TEXT    NOT NULL,
  conv      TEXT    NOT NULL,
  delivered INTEGER NOT NULL,
  PRIMARY KEY (userid, device, conv)
) STRICT, WITHOUT ROWID;

ALTER TABLE token ADD COLUMN device TEXT NOT NULL DEFAULT '';
