-- Which kinds of entries there are is for the program to say. On a large log this takes a while, once.

ALTER TABLE message MODIFY kind VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL;
