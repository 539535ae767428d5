-- Tells a parent, once, that its group is complete: wakes it if it sleeps for that.
-- Called by: the fan-in's continuation, after hold_live with a fresh snapshot: the parent either sleeps
-- already or will find the group complete when it is about to. Locks: the group's row; the parent's,
-- held already. Index: fan_ins_pkey, jobs_pkey, waits_pkey.
WITH continued AS (
    UPDATE fan_ins
       SET continued_at = clock_timestamp()
     WHERE event_id = $1 AND generation = $2 AND child_group = $3
       AND completed_at IS NOT NULL AND continued_at IS NULL
    RETURNING event_id, generation, child_group
), woken AS (
    UPDATE jobs j
       SET state = CASE WHEN j.lane IS NULL THEN 'r' ELSE 'w' END::"char", head = j.lane IS NULL,
           position = CASE WHEN j.lane IS NULL THEN line_front() ELSE micros(clock_timestamp()) END
      FROM continued c
      JOIN waits w ON w.event_id = c.event_id AND w.child_group = c.child_group
     WHERE j.event_id = c.event_id AND j.generation = c.generation AND j.token = w.token
       AND j.state = 's'
    RETURNING j.event_id
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM woken))
)
SELECT event_id FROM woken
