-- Calls children off: those that do not run end, those that run are asked to stop.
-- Called by: the sweep, under the locks of lock_lanes; lock_families and end_children follow.
-- Locks: the jobs' rows, skipping locked ones. Index: jobs_pkey, waits_pkey.
WITH found AS MATERIALIZED (
    SELECT event_id, state FROM jobs
     WHERE event_id = ANY ($1::bigint[]) AND child
     ORDER BY event_id
       FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM jobs j USING found f
     WHERE j.event_id = f.event_id AND f.state <> 'x'
    RETURNING j.occurred_at, j.event_id, j.generation, j.kind, j.attempts, j.priority
), asked AS (
    UPDATE jobs j SET cancel_requested = true
      FROM found f
     WHERE j.event_id = f.event_id AND f.state = 'x' AND NOT j.cancel_requested
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM ended))
), counted AS (
    INSERT INTO job_flow (cancelled) SELECT count(*) FROM ended HAVING count(*) > 0
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts, priority, error)
SELECT occurred_at, event_id, generation, 'cancelled', kind, attempts, priority, $2 FROM ended
RETURNING event_id
