-- Gives a running job back, to be tried again after $3 ms; it stays its lane's head, and its token
-- stays as a mark that it was begun.
-- Called by: settle, after hold. Locks: the job's row, held already. Index: jobs_pkey,
-- workers_pkey.
WITH held AS (
    SELECT * FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'running'
), recorded AS (
    INSERT INTO attempts (occurred_at, event_id, generation, number, token, worker_id, worker,
                          started_at, outcome, error)
    SELECT h.occurred_at, h.event_id, h.generation, h.attempts, h.token, h.holder, w.name,
           h.claimed_at, $5, $6
      FROM held h LEFT JOIN workers w ON w.id = h.holder
)
UPDATE jobs
   SET state = CASE WHEN $3::bigint <= 0 THEN 'ready' ELSE 'waiting' END,
       run_at = clock_timestamp() + $3::bigint * INTERVAL '1 millisecond',
       position = nextval('job_positions'),
       attempts = attempts - CASE WHEN $4::boolean THEN 0 ELSE 1 END,
       holder = NULL, claimed_at = NULL
 WHERE event_id = $1 AND token = $2 AND state = 'running'
RETURNING event_id
