-- Wakes suspended jobs whose time has come: into the line, or to their place in their lane, where
-- demote_heads and promote_heads put them.
-- Called by: the sweep, after due_sleepers, under the locks of lock_lanes. Locks: the jobs' rows.
-- Index: jobs_pkey, waits_pkey.
WITH woken AS (
    UPDATE jobs
       SET state = CASE WHEN lane IS NULL THEN 'r' ELSE 'w' END::"char", head = lane IS NULL,
           position = CASE WHEN lane IS NULL THEN line_front() ELSE micros(clock_timestamp()) END
     WHERE ctid = ANY (ARRAY(
            -- One look by number for each, as in finish.
            SELECT found.place
              FROM unnest($1::bigint[]) AS n (event_id)
             CROSS JOIN LATERAL (
                    SELECT j.ctid AS place, j.state, j.position FROM jobs j
                     WHERE j.event_id = n.event_id
                     LIMIT 1 FOR UPDATE) AS found
             WHERE found.state = 's' AND found.position <= micros(clock_timestamp())))
    RETURNING event_id
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM woken))
)
SELECT event_id FROM woken
