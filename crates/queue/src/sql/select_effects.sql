-- All acts on behalf of an event.
-- Called by: effects, event. Locks: none. Index: effects_pkey.
SELECT generation, slot, key, state, token, target, intended_at, deadline_at, done_at, result
  FROM effects
 WHERE occurred_at = $1 AND event_id = $2
 ORDER BY generation DESC, slot
