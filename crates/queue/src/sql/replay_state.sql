-- What a replay would start from.
-- Called by: replay, once to learn the lane and again under its lock. An event past retention counts
-- as gone: its partition may be dropped at any moment. Locks: none. Index: events_pkey, jobs_pkey,
-- outcomes_pkey.
SELECT e.lane, e.lane_order, job_state(j.state) AS live_state, o.generation, o.kind
  FROM events e
  LEFT JOIN jobs j ON j.event_id = e.id AND j.occurred_at = e.occurred_at
  LEFT JOIN LATERAL (
        SELECT generation, kind FROM outcomes
         WHERE occurred_at = e.occurred_at AND event_id = e.id
         ORDER BY generation DESC LIMIT 1) o ON true
 WHERE e.occurred_at = $1 AND e.id = $2
   AND e.occurred_at >= date_trunc('day', clock_timestamp(), 'UTC')
                        - (SELECT make_interval(days => retention_days) FROM storage)
