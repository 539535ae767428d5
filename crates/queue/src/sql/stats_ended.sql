-- Ended jobs of the last day's events by state, and all dead letters.
-- Called by: stats. Locks: none. Index: outcomes_pkey, outcomes_unhappy.
SELECT clock_timestamp() AS at,
       count(*) FILTER (WHERE state = 'done') AS done,
       count(*) FILTER (WHERE state = 'dead') AS dead,
       count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE state = 'expired') AS expired,
       (SELECT count(*) FROM dead_letters) AS dead_letters
  FROM outcomes
 WHERE occurred_at >= clock_timestamp() - INTERVAL '1 day'
