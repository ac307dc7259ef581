-- A user's devices that have a name. The nameless one, which is all that older programs have, has no row here; its
-- cursor is `progress.delivered`. A row says that the device's cursors in deviceprogress are complete.
CREATE TABLE IF NOT EXISTS device (
  userid BIGINT      NOT NULL,
  device VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- What the program calls itself.
  client VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  -- When it last logged in, or its session ended: Unix milliseconds.
  seen   BIGINT      NOT NULL,
  PRIMARY KEY (userid, device)
) ENGINE = InnoDB;

-- How much was delivered to a device that has a name. Without a row: what its user had joined with.
CREATE TABLE IF NOT EXISTS deviceprogress (
  userid    BIGINT      NOT NULL,
  device    VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  conv      VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  delivered BIGINT      NOT NULL,
  PRIMARY KEY (userid, device, conv)
) ENGINE = InnoDB;

-- One lease for each device. wanted: 1 if another login asks for it, 2 if the device is to be ended.
ALTER TABLE session
  ADD COLUMN device VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' AFTER userid,
  DROP PRIMARY KEY,
  ADD PRIMARY KEY (userid, device);

ALTER TABLE token
  ADD COLUMN device VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' AFTER userid;
