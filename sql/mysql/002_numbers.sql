-- A conversation's newest number is that of its newest message; a row in `conversation` says that it has begun.

ALTER TABLE conversation DROP COLUMN seq;
