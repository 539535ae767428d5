-- Ends a running job: out of the live table, into the history with its last attempt.
-- Called by: settle, after hold. Locks: the job's row, held already. Index: jobs_pkey.
WITH ended AS (
    DELETE FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' RETURNING *
), counted AS (
    INSERT INTO job_flow (done, dead, cancelled, expired)
    SELECT ($7 = 'done')::integer, ($7 = 'dead')::integer, ($7 = 'cancelled')::integer,
           ($7 = 'expired')::integer
      FROM ended
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts, priority, token,
                      worker_id, started_at, outcome, error, input_tokens, output_tokens, reply)
SELECT occurred_at, event_id, generation, $7, kind, attempts, priority, token, holder, claimed_at, $3,
       $4, $5, $6, $8
  FROM ended
RETURNING event_id
