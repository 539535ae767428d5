-- Gives each lane without a head its next one. What is due goes to the front of the line.
-- Called by: the group commit, settle, cancel and replay, last, under the locks of lock_lanes.
-- Locks: the new heads' rows. Index: jobs_lane_next, jobs_lane_head.
UPDATE jobs
   SET head = true,
       state = CASE WHEN position <= micros(clock_timestamp()) THEN 'r' ELSE 'w' END::"char",
       position = CASE WHEN position <= micros(clock_timestamp()) THEN line_front() ELSE position END
 WHERE event_id = ANY (ARRAY(
        SELECT following.event_id
          FROM unnest($1::bigint[]) AS l (lane)
         CROSS JOIN LATERAL (
                SELECT w.event_id FROM jobs w
                 WHERE w.lane = l.lane AND w.state = 'w' AND NOT w.head
                 ORDER BY w.lane_order, w.event_id LIMIT 1) AS following
         WHERE NOT EXISTS (SELECT FROM jobs h WHERE h.lane = l.lane AND h.head)))
