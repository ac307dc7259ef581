-- What a name looks like: SHA-256 of its skeleton (UTS #39), hex. Names that look alike have the same one. NULL for
-- accounts that are older than this column. seen: when the user's last session ended, Unix milliseconds.

ALTER TABLE user
  ADD COLUMN skeleton CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD COLUMN seen BIGINT NOT NULL DEFAULT 0,
  ADD UNIQUE KEY user_skeleton (skeleton);

-- How many members a group has: lists of groups show it, and counting costs as much as the group is large. Set by
-- whatever adds or removes members, not by triggers, which many a database's user may not create.

ALTER TABLE allgroup ADD COLUMN size INT NOT NULL DEFAULT 0;

UPDATE allgroup SET size = (SELECT COUNT(*) FROM groupuser WHERE groupuser.groupid = allgroup.id);
