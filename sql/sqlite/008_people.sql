-- What a name looks like: SHA-256 of its skeleton (UTS #39), hex. Names that look alike have the same one. NULL for
-- accounts that are older than this column. seen: when the user's last session ended, Unix milliseconds.

ALTER TABLE user ADD COLUMN skeleton TEXT;

ALTER TABLE user ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX user_skeleton ON user (skeleton) WHERE skeleton IS NOT NULL;

-- How many members a group has: lists of groups show it, and counting costs as much as the group is large.
ALTER TABLE allgroup ADD COLUMN size INTEGER NOT NULL DEFAULT 0;

UPDATE allgroup SET size = (SELECT count(*) FROM groupuser WHERE groupuser.groupid = allgroup.id);

CREATE TRIGGER member_added AFTER INSERT ON groupuser BEGIN
  UPDATE allgroup SET size = size + 1 WHERE id = new.groupid;
  END;

CREATE TRIGGER member_removed AFTER DELETE ON groupuser BEGIN
  UPDATE allgroup SET size = size - 1 WHERE id = old.groupid;
  END;
