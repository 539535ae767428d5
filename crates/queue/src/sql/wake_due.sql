-- Wakes suspended jobs whose time has come: into the line, or to their place in their lane, where
-- demote_heads and promote_heads put them.
-- Called by: the sweep, after due_sleepers, under the locks of lock_lanes. Locks: the jobs' rows.
-- Index: jobs_pkey, waits_pkey.
WITH woken AS (
    UPDATE jobs
       SET state = CASE WHEN lane IS NULL THEN 'r' ELSE 'w' END::"char", head = lane IS NULL,
           position = CASE WHEN lane IS NULL THEN line_front() ELSE micros(clock_timestamp()) END
     WHERE event_id = ANY ($1::bigint[]) AND state = 's' AND position <= micros(clock_timestamp())
    RETURNING event_id
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM woken))
)
SELECT event_id FROM woken
