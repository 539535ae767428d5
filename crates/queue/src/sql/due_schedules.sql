-- The schedules that are due, $1 at most, the longest overdue first.
-- Called by: fire_due, which fires them and advances them before it lets go. The clock is read once,
-- so that the index can be searched by it. Locks: the rows, skipping locked ones: others fire those.
-- Index: schedules_due.
SELECT s.*, clock_timestamp() AS now FROM schedules s
 WHERE next_at <= (SELECT clock_timestamp())
 ORDER BY next_at LIMIT $1
   FOR UPDATE SKIP LOCKED
