-- One operator action.
-- Called by: replay and cancel, in their transactions. Locks: none. Index: none.
INSERT INTO audit (actor, action, reason, subject) VALUES ($1, $2, $3, $4)
