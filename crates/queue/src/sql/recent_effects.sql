-- The acts that were intended within $1 ms, newest first, $2 at most.
-- Called by: recent_effects. The moment is asked for once, or the index would be read from end to end.
-- Locks: none. Index: effects_recent.
SELECT key, target, result, intended_at
  FROM effects
 WHERE intended_at > (SELECT clock_timestamp() - $1::bigint * INTERVAL '1 millisecond')
   AND deadline_at <> 'epoch'
 ORDER BY intended_at DESC LIMIT $2
