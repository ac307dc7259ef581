-- What all nodes on one database share; one row. name begins the channels of the bus, secret signs what is said on
-- them, log names the message log: another name means that the database came back older than it had been.
CREATE TABLE IF NOT EXISTS cluster (
  id     TINYINT  NOT NULL PRIMARY KEY,
  name   CHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  secret CHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  log    CHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE = InnoDB;

-- beat counts: whoever watches it tells by a clock of its own for how long it has not moved.
UPDATE node SET beat = 0;
