-- Ends a job that does not run.
-- Called by: cancel, under the locks of lock_lanes. Locks: the job's row; waits for a claim in
-- flight, and then leaves its job to cancel_request. Index: jobs_pkey, waits_pkey.
WITH ended AS (
    DELETE FROM jobs WHERE event_id = $1 AND state <> 'x' RETURNING *
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM ended))
), counted AS (
    INSERT INTO job_flow (cancelled) SELECT count(*) FROM ended HAVING count(*) > 0
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts)
SELECT occurred_at, event_id, generation, 'cancelled', kind, attempts FROM ended
RETURNING event_id
