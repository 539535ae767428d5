-- Ends a running job: out of the live table, into the history.
-- Called by: settle, after hold. Locks: the job's row, held already. Index: jobs_pkey,
-- workers_pkey.
WITH ended AS (
    DELETE FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'running' RETURNING *
), recorded AS (
    INSERT INTO attempts (occurred_at, event_id, generation, number, token, worker_id, worker,
                          started_at, outcome, error, input_tokens, output_tokens)
    SELECT e.occurred_at, e.event_id, e.generation, e.attempts, e.token, e.holder, w.name,
           e.claimed_at, $3, $4, $5, $6
      FROM ended e LEFT JOIN workers w ON w.id = e.holder
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts, error, reply)
SELECT occurred_at, event_id, generation, $7, kind, attempts, $4, $8 FROM ended
RETURNING event_id
