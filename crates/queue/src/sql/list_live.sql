-- The newest events whose job is live and in state $9, of the 5,000 last in line: the live table may
-- hold millions, and only as many are looked at.
-- Called by: events, with event_filter behind it. Locks: none. Index: jobs_ready, jobs_due, jobs_asleep,
-- jobs_lane_next and jobs_held, backwards; events_pkey, jobs_pkey.
WITH candidates AS MATERIALIZED (
    (SELECT occurred_at, event_id FROM jobs
      WHERE $9 = 'ready' AND state = 'r' ORDER BY priority DESC, position DESC LIMIT 5000)
    UNION ALL
    (SELECT occurred_at, event_id FROM jobs
      WHERE $9 = 'running' AND state = 'x' ORDER BY holder DESC LIMIT 5000)
    UNION ALL
    (SELECT occurred_at, event_id FROM jobs
      WHERE $9 = 'suspended' AND state = 's'
      ORDER BY position DESC LIMIT 5000)
    UNION ALL
    -- Those that wait for a time or are set aside by a pause, and those behind another.
    (SELECT occurred_at, event_id FROM jobs
      WHERE $9 = 'waiting' AND state = 'w' AND head
      ORDER BY position DESC LIMIT 5000)
    UNION ALL
    (SELECT occurred_at, event_id FROM jobs
      WHERE $9 = 'waiting' AND state = 'w' AND NOT head
      ORDER BY lane DESC, lane_order DESC, event_id DESC LIMIT 5000)
)
SELECT s.* FROM candidates q
 -- The bound makes it a look-up for each candidate, however many the planner expects.
 CROSS JOIN LATERAL (
        SELECT * FROM event_summaries
         WHERE occurred_at = q.occurred_at AND id = q.event_id LIMIT 1) AS s
 WHERE s.state = $9
