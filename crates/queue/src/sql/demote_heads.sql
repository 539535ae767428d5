-- Puts heads that nobody ever claimed behind a waiting job of lower order.
-- Called by: the group commit and replay, under the locks of lock_lanes, after inserting.
-- Locks: the heads' rows; a claim in flight holds one at most until its own COMMIT and waits for
-- nobody, and then the repeated conditions leave its job alone. One that a pause had set aside gets
-- its own place back: only heads are looked for when the pause ends. Index: jobs_lane_head,
-- jobs_lane_next.
UPDATE jobs
   SET head = false, state = 'w',
       position = CASE WHEN position BETWEEN 4611686018427387904 AND 9223372036854775806
                       THEN position - 4611686018427387904 ELSE position END
 WHERE event_id = ANY (ARRAY(
        SELECT h.event_id
          FROM unnest($1::bigint[]) AS l (lane)
          JOIN jobs h ON h.lane = l.lane AND h.head
         WHERE h.token IS NULL AND h.state IN ('r', 'w')
           AND EXISTS (SELECT FROM jobs w
                        WHERE w.lane = l.lane AND w.state = 'w' AND NOT w.head
                          AND (w.lane_order, w.event_id) < (h.lane_order, h.event_id))))
   AND head AND token IS NULL AND state IN ('r', 'w')
