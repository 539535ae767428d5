-- What replays would start from.
-- Called by: replay, once to learn the lanes and again under their locks. An event past retention
-- counts as gone: its partition may be dropped at any moment. Locks: none. Index: events_pkey,
-- jobs_pkey, outcomes_pkey.
SELECT e.id, e.lane, e.lane_order, job_state(j.state) AS live_state, o.generation, o.kind,
       o.priority
  FROM unnest($1::timestamptz[], $2::bigint[]) AS n (occurred_at, id)
  JOIN events e ON e.occurred_at = n.occurred_at AND e.id = n.id
  LEFT JOIN jobs j ON j.event_id = n.id
  LEFT JOIN LATERAL (
        SELECT generation, kind, priority FROM outcomes
         WHERE occurred_at = n.occurred_at AND event_id = n.id
         ORDER BY generation DESC LIMIT 1) o ON true
 WHERE n.occurred_at >= date_trunc('day', clock_timestamp(), 'UTC')
                        - (SELECT make_interval(days => retention_days) FROM storage)
