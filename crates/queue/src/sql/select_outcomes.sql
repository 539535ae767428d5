-- How an event's jobs ended, oldest first.
-- Called by: event. Locks: none. Index: outcomes_pkey.
SELECT generation, state, attempts, error, reply, ended_at
  FROM outcomes
 WHERE occurred_at = $1 AND event_id = $2
 ORDER BY generation
