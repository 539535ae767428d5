-- What people thought of an event's answer.
-- Called by: event. Locks: none. Index: feedback_pkey.
SELECT actor, good, remark, given_at
  FROM feedback WHERE occurred_at = $1 AND event_id = $2 ORDER BY actor
