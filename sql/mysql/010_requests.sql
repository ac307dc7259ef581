-- Who waits for an answer of a user: asked at each login of an older program.

ALTER TABLE friendrequest ADD KEY friendrequest_friend (friendid);
