-- Makes the jobs of a batch, each unless its event has one or ever had one.
-- Called by: the group commit and a dead letter's notice, under the locks of lock_lanes.
-- Locks: none further. Index: jobs_pkey, outcomes_pkey, jobs_lane_head.
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[],
                         $6::smallint[], $7::bigint[], $8::text[])
        AS n (event_id, occurred_at, tenant, lane, lane_order, priority, delay_ms, kind)
     WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = n.event_id)
       AND NOT EXISTS (SELECT FROM outcomes o
                        WHERE o.occurred_at = n.occurred_at AND o.event_id = n.event_id)
), placed AS (
    -- The first of each lane becomes its head where the lane has none. A lane without a head has
    -- nobody waiting either, so no one is passed over here.
    SELECT *, clock_timestamp() + delay_ms * INTERVAL '1 millisecond' AS run_at,
           lane IS NULL
           OR (row_number() OVER (PARTITION BY lane ORDER BY lane_order, event_id) = 1
               AND NOT EXISTS (SELECT FROM jobs h WHERE h.lane = wanted.lane AND h.head)) AS head
      FROM wanted
)
INSERT INTO jobs (event_id, occurred_at, tenant, lane, lane_order, priority, run_at, kind, head, state)
SELECT event_id, occurred_at, tenant, lane, lane_order, priority, run_at, kind, head,
       CASE WHEN head AND delay_ms <= 0 THEN 'ready' ELSE 'waiting' END
  FROM placed
RETURNING event_id, state
