-- Ends jobs that do not run.
-- Called by: cancel and purge, under the locks of lock_lanes. Locks: the jobs' rows; waits for a
-- claim in flight, and then leaves its job to cancel_request. Index: jobs_pkey, waits_pkey.
WITH ended AS (
    DELETE FROM jobs WHERE event_id = ANY ($1::bigint[]) AND state <> 'x' RETURNING *
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM ended))
), counted AS (
    INSERT INTO job_flow (cancelled) SELECT count(*) FROM ended HAVING count(*) > 0
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts)
SELECT occurred_at, event_id, generation, 'cancelled', kind, attempts FROM ended
RETURNING event_id
