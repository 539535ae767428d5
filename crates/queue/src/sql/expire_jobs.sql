-- Ends jobs that nobody began in time.
-- Called by: the sweep, after expired_jobs, under the locks of lock_lanes; lock_families and
-- end_children follow. Locks: the jobs' rows, skipping locked ones: a claim in flight was in time.
-- Index: jobs_pkey, waits_pkey.
WITH ended AS (
    DELETE FROM jobs
     WHERE event_id = ANY (ARRAY(
            SELECT event_id FROM jobs
             WHERE event_id = ANY ($1::bigint[])
               AND expires_at IS NOT NULL AND state <> 'x' AND expires_at <= clock_timestamp()
             ORDER BY event_id
               FOR UPDATE SKIP LOCKED))
    RETURNING occurred_at, event_id, generation, kind, attempts, priority, expires_at
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM ended))
), counted AS (
    INSERT INTO job_flow (expired) SELECT count(*) FROM ended HAVING count(*) > 0
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts, priority, error)
SELECT occurred_at, event_id, generation, 'expired', kind, attempts, priority,
       jsonb_build_array(format('nobody had begun it when it expired at %s',
                                to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
  FROM ended
RETURNING event_id
