-- What a job was told, in the order of arrival; marks it as read by the claim.
-- Called by: signals. Answers nothing when the claim holds its job no more or nothing was said; the
-- row without a number says that it is held. Locks: the claim's job against its takeover and against
-- further signals until COMMIT; the unread signals. Index: jobs_pkey, signals_pkey.
WITH held AS (
    SELECT event_id, occurred_at, generation FROM jobs
     WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
), told AS MATERIALIZED (
    SELECT s.* FROM held h
      JOIN signals s ON s.occurred_at = h.occurred_at AND s.event_id = h.event_id
                    AND s.generation = h.generation
), seen AS (
    UPDATE signals s SET seen_by = $2
      FROM told t
     WHERE s.occurred_at = t.occurred_at AND s.event_id = t.event_id
       AND s.generation = t.generation AND s.key = t.key AND s.seen_by IS DISTINCT FROM $2
)
SELECT t.number, t.key, t.name, t.payload, t.sent_at
  FROM held h LEFT JOIN told t ON true
 ORDER BY t.number
