-- An event's ended attempts, oldest first.
-- Called by: event. Locks: none. Index: attempts_pkey.
SELECT generation, number, token, worker, started_at, ended_at, outcome, error, input_tokens,
       output_tokens
  FROM attempts
 WHERE occurred_at = $1 AND event_id = $2
 ORDER BY token
