-- Accounts, friends, groups and the message log. The names user, friend, allgroup and groupuser are those of the
-- schema that older servers of this protocol use, for the same things. Runs on MySQL 8 and MariaDB 10.6 and up.
-- Names compare code point by code point (utf8mb4_bin), ids of conversations and messages byte by byte (ascii_bin).

CREATE TABLE IF NOT EXISTS user (
  id       BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name     VARCHAR(50)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  -- scrypt$<log2 N>$<r>$<p>$<salt>$<hash>
  password VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created  BIGINT       NOT NULL,
  UNIQUE KEY user_name (name)
) ENGINE = InnoDB;

-- A login token's SHA-256; the token itself is known to the client only.
CREATE TABLE IF NOT EXISTS token (
  hash    CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  userid  BIGINT   NOT NULL,
  expires BIGINT   NOT NULL,
  KEY token_user (userid, expires)
) ENGINE = InnoDB;

-- Each friendship is two rows, one a direction.
CREATE TABLE IF NOT EXISTS friend (
  userid   BIGINT NOT NULL,
  friendid BIGINT NOT NULL,
  since    BIGINT NOT NULL,
  PRIMARY KEY (userid, friendid)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS friendrequest (
  userid   BIGINT NOT NULL,
  friendid BIGINT NOT NULL,
  PRIMARY KEY (userid, friendid)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS allgroup (
  id        BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  groupname VARCHAR(50)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  groupdesc VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created   BIGINT       NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS groupuser (
  groupid   BIGINT NOT NULL,
  userid    BIGINT NOT NULL,
  grouprole ENUM ('creator', 'normal') NOT NULL,
  joined    BIGINT NOT NULL,
  PRIMARY KEY (groupid, userid),
  KEY groupuser_user (userid, joined)
) ENGINE = InnoDB;

-- conv: u<lower id>-<higher id>, or g<group id>. seq: its newest message.
CREATE TABLE IF NOT EXISTS conversation (
  conv VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seq  BIGINT      NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS message (
  conv   VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq    BIGINT      NOT NULL,
  sender BIGINT      NOT NULL,
  -- The sender's own id of the message, or one that begins with ~ and was made here for a client that sends none.
  mid    VARCHAR(41) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind   ENUM ('chat', 'request', 'accept', 'refuse') NOT NULL,
  -- The text as a JSON string literal: the one form that every string has.
  body   MEDIUMTEXT  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  -- Unix milliseconds.
  at     BIGINT      NOT NULL,
  PRIMARY KEY (conv, seq),
  -- A resent message is stored once, however late, however often, and through whichever node it comes.
  UNIQUE KEY message_mid (sender, mid)
) ENGINE = InnoDB;

-- How far each member of a conversation is. A member sees what comes after joined.
CREATE TABLE IF NOT EXISTS progress (
  userid    BIGINT      NOT NULL,
  conv      VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  joined    BIGINT      NOT NULL,
  delivered BIGINT      NOT NULL,
  `read`    BIGINT      NOT NULL,
  PRIMARY KEY (userid, conv)
) ENGINE = InnoDB;

-- A node that runs: its heartbeat, by this server's clock, Unix milliseconds.
CREATE TABLE IF NOT EXISTS node (
  id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  beat BIGINT   NOT NULL
) ENGINE = InnoDB;

-- Who is logged in, on which node: at most one row for each user, which is the lease. wanted is set by another
-- login that asks for it.
CREATE TABLE IF NOT EXISTS session (
  userid  BIGINT   NOT NULL PRIMARY KEY,
  node    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  session CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  wanted  BOOLEAN  NOT NULL DEFAULT FALSE,
  KEY session_node (node)
) ENGINE = InnoDB;
