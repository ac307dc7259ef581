-- Who waits for an answer of a user: asked at each login of an older program.

CREATE INDEX friendrequest_friend ON friendrequest (friendid);
