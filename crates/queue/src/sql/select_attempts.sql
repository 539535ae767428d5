-- An event's ended attempts, oldest first.
-- Called by: event. Locks: none. Index: attempts_pkey, outcomes_pkey, workers_pkey.
SELECT a.generation, a.number, a.token, w.name AS worker, a.started_at, a.ended_at, a.outcome, a.error,
       a.input_tokens, a.output_tokens
  FROM attempt_history a LEFT JOIN workers w ON w.id = a.worker_id
 WHERE a.occurred_at = $1 AND a.event_id = $2
 ORDER BY a.token
