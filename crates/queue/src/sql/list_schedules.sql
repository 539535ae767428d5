-- All schedules by name, $1 at most.
-- Called by: schedules. Locks: none. Index: schedules_pkey.
SELECT * FROM schedules ORDER BY name LIMIT $1
