-- Accounts, friends, groups and the message log. The names user, friend, allgroup and groupuser are those of the
-- schema that older servers of this protocol use, for the same things.

CREATE TABLE user (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  name     TEXT    NOT NULL UNIQUE,
  -- scrypt$<log2 N>$<r>$<p>$<salt>$<hash>
  password TEXT    NOT NULL,
  created  INTEGER NOT NULL
) STRICT;

-- A login token's SHA-256; the token itself is known to the client only.
CREATE TABLE token (
  hash    TEXT    PRIMARY KEY,
  userid  INTEGER NOT NULL REFERENCES user (id),
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_user ON token (userid, expires);

-- Each friendship is two rows, one a direction.
CREATE TABLE friend (
  userid   INTEGER NOT NULL REFERENCES user (id),
  friendid INTEGER NOT NULL REFERENCES user (id),
  since    INTEGER NOT NULL,
  PRIMARY KEY (userid, friendid)
) STRICT, WITHOUT ROWID;

CREATE TABLE friendrequest (
  userid   INTEGER NOT NULL REFERENCES user (id),
  friendid INTEGER NOT NULL REFERENCES user (id),
  PRIMARY KEY (userid, friendid)
) STRICT, WITHOUT ROWID;

CREATE TABLE allgroup (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  groupname TEXT    NOT NULL,
  groupdesc TEXT    NOT NULL,
  created   INTEGER NOT NULL
) STRICT;

CREATE TABLE groupuser (
  groupid   INTEGER NOT NULL REFERENCES allgroup (id),
  userid    INTEGER NOT NULL REFERENCES user (id),
  grouprole TEXT    NOT NULL CHECK (grouprole IN ('creator', 'normal')),
  joined    INTEGER NOT NULL,
  PRIMARY KEY (groupid, userid)
) STRICT, WITHOUT ROWID;
CREATE INDEX groupuser_user ON groupuser (userid, joined);

-- conv: u<lower id>-<higher id>, or g<group id>. seq: its newest message.
CREATE TABLE conversation (
  conv TEXT    PRIMARY KEY,
  seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
  conv   TEXT    NOT NULL,
  seq    INTEGER NOT NULL,
  sender INTEGER NOT NULL,
  -- The sender's own id of the message; null from clients that send none.
  mid    TEXT,
  kind   TEXT    NOT NULL CHECK (kind IN ('chat', 'request', 'accept', 'refuse')),
  -- The text as a JSON string literal: the one form that every string has.
  body   TEXT    NOT NULL,
  -- Unix milliseconds.
  at     INTEGER NOT NULL,
  PRIMARY KEY (conv, seq)
) STRICT;
-- A resent message is stored once, however late and however often it comes.
CREATE UNIQUE INDEX message_mid ON message (sender, mid) WHERE mid IS NOT NULL;

-- How far each member of a conversation is. A member sees what comes after `joined`.
CREATE TABLE progress (
  userid    INTEGER NOT NULL,
  conv      TEXT    NOT NULL,
  joined    INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  "read"    INTEGER NOT NULL,
  PRIMARY KEY (userid, conv)
) STRICT, WITHOUT ROWID;
