-- Gives each lane without a head its next one, at a fresh position.
-- Called by: the group commit, settle, cancel and replay, last, under the locks of lock_lanes.
-- Locks: the new heads' rows. Index: jobs_lane_next, jobs_lane_head.
UPDATE jobs
   SET head = true, position = nextval('job_positions'),
       state = CASE WHEN run_at <= clock_timestamp() THEN 'ready' ELSE 'waiting' END
 WHERE event_id = ANY (ARRAY(
        SELECT following.event_id
          FROM unnest($1::bigint[]) AS l (lane)
         CROSS JOIN LATERAL (
                SELECT w.event_id FROM jobs w
                 WHERE w.lane = l.lane AND w.state = 'waiting' AND NOT w.head
                 ORDER BY w.lane_order, w.event_id LIMIT 1) AS following
         WHERE NOT EXISTS (SELECT FROM jobs h WHERE h.lane = l.lane AND h.head)))
