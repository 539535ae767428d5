-- The newest events whose newest job ended unhappily, in state $9.
-- Called by: events, with event_filter behind it. Locks: none. Index: outcomes_unhappy backwards,
-- events_pkey.
SELECT s.* FROM outcomes q
  JOIN event_summaries s ON s.occurred_at = q.occurred_at AND s.id = q.event_id
 WHERE q.state = $9 AND q.state <> 'done' AND s.state = $9 AND s.generation = q.generation
