-- Ends jobs that do not run.
-- Called by: cancel and purge, under the locks of lock_lanes. Locks: the jobs' rows, running or not:
-- waits for a claim or settlement in flight and judges the state that it leaves, and what runs then
-- is cancel_request's. Index: jobs_pkey, waits_pkey.
WITH found AS MATERIALIZED (
    SELECT event_id, state FROM jobs WHERE event_id = ANY ($1::bigint[]) ORDER BY event_id FOR UPDATE
), ended AS (
    DELETE FROM jobs j USING found f
     WHERE j.event_id = f.event_id AND f.state <> 'x'
    RETURNING j.*
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM ended))
), counted AS (
    INSERT INTO job_flow (cancelled) SELECT count(*) FROM ended HAVING count(*) > 0
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts, priority)
SELECT occurred_at, event_id, generation, 'cancelled', kind, attempts, priority FROM ended
RETURNING event_id
