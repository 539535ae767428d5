-- Suspended jobs whose time has come, the longest overdue first.
-- Called by: the sweep, which wakes them under their lanes' locks. Locks: none. Index: jobs_asleep.
SELECT event_id, lane FROM jobs
 WHERE state = 's'
   AND position <= (SELECT micros(clock_timestamp()))
 ORDER BY position LIMIT $1
