-- The pauses that stand, $1 at most, oldest first.
-- Called by: pauses, pause. Locks: none. Index: none; $1 rows at most.
SELECT scope, name, event_id, at, actor, reason FROM pauses ORDER BY at, scope, name LIMIT $1
