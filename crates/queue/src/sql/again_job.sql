-- Gives a running job back, to be tried again after $3 ms; it stays its lane's head, and its token
-- stays as a mark that it was begun.
-- Called by: settle, after hold. Locks: the job's row, held already. Index: jobs_pkey.
WITH held AS (
    SELECT * FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x'
), recorded AS (
    INSERT INTO attempts (occurred_at, event_id, generation, number, token, worker_id, started_at,
                          outcome, error)
    SELECT occurred_at, event_id, generation, attempts, token, holder, claimed_at, $5, $6 FROM held
)
UPDATE jobs
   SET state = CASE WHEN $3::bigint <= 0 THEN 'r' ELSE 'w' END::"char",
       position = CASE WHEN $3::bigint <= 0 THEN line_front()
                       ELSE micros(clock_timestamp()) + $3::bigint * 1000 END,
       attempts = attempts - CASE WHEN $4::boolean THEN 0 ELSE 1 END,
       holder = NULL, claimed_at = NULL
 WHERE event_id = $1 AND token = $2 AND state = 'x'
RETURNING event_id
