-- Claims up to $2 ready jobs for worker $1 and brings their events along.
-- Called by: claim, alone in its transaction. Only heads are ever ready, so it needs no lane lock.
-- Locks: the claimed rows, skipping locked ones; waits for nobody. The array makes the choice once:
-- with IN (SELECT … LIMIT) a nested loop repeats it and claims everything.
-- Index: jobs_ready, jobs_pkey, events_pkey.
WITH claimed AS (
    UPDATE jobs
       SET state = 'running', attempts = attempts + 1, token = nextval('job_tokens'), holder = $1,
           claimed_at = clock_timestamp()
     WHERE event_id = ANY (ARRAY(
            SELECT event_id FROM jobs
             WHERE state = 'ready'
               -- A worker whose lease has ended gets nothing.
               AND EXISTS (SELECT FROM workers
                            WHERE id = $1 AND fenced_at IS NULL AND stopped_at IS NULL
                              AND lease_until > clock_timestamp())
             ORDER BY priority, position LIMIT $2
               FOR UPDATE SKIP LOCKED))
    RETURNING event_id, occurred_at, generation, attempts, token, lane, kind, priority, position
)
SELECT c.event_id, c.occurred_at, c.generation, c.attempts, c.token, c.lane, c.kind,
       e.source, e.tenant, e.actor, e.lane_name, e.correlation_id, e.raw, e.received_at
  FROM claimed c
  LEFT JOIN events e ON e.occurred_at = c.occurred_at AND e.id = c.event_id
 ORDER BY c.priority, c.position
