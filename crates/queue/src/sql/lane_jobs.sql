-- Jobs of lane $1 up to event $2 that nobody has called off yet, $3 at most of each state.
-- Called by: cancel_all. Locks: none. Index: jobs_lane_head, jobs_lane_next, jobs_asleep (all that are
-- suspended).
(SELECT event_id FROM jobs
  WHERE lane = $1 AND head AND event_id <= $2::bigint AND NOT cancel_requested)
UNION ALL
(SELECT event_id FROM jobs
  WHERE lane = $1 AND state = 'w' AND NOT head AND event_id <= $2 ORDER BY lane_order, event_id LIMIT $3)
UNION ALL
(SELECT event_id FROM jobs
  WHERE state = 's' AND lane = $1 AND event_id <= $2 LIMIT $3)
