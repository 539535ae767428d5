-- Makes the jobs of a batch, each unless its event has one or ever had one. $11 and $12 are the earliest
-- and the latest $2, so that no other day's partition is opened.
-- Called by: the group commit, under the locks of lock_lanes.
-- Locks: none further. Index: jobs_pkey, outcomes_pkey, jobs_lane_head.
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::smallint[],
                         $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[])
        AS n (event_id, occurred_at, lane, lane_order, priority, delay_us, expires_us, after_position,
              rank, kind)
     WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = n.event_id)
       AND NOT EXISTS (SELECT FROM outcomes o
                        WHERE o.occurred_at = n.occurred_at AND o.event_id = n.event_id
                          AND o.occurred_at BETWEEN $11 AND $12)
), placed AS (
    -- The first of each lane becomes its head where the lane has none. A lane without a head has
    -- nobody waiting either, so no one is passed over here. A tenant's jobs follow one another in
    -- line, one position each (start-time fair queueing): `after_position` is its last.
    SELECT *, micros(clock_timestamp()) AS now, (SELECT line_front()) AS front,
           lane IS NULL
           OR (row_number() OVER (PARTITION BY lane ORDER BY lane_order, event_id) = 1
               AND NOT EXISTS (SELECT FROM jobs h WHERE h.lane = wanted.lane AND h.head)) AS head
      FROM wanted
), made AS (
    INSERT INTO jobs (event_id, occurred_at, position, lane, lane_order, priority, expires_at, kind,
                      head, state)
    SELECT event_id, occurred_at,
           CASE WHEN head AND delay_us <= 0 THEN greatest(front, after_position + 1) + rank ELSE now + delay_us END,
           lane, lane_order, priority, from_micros(now + expires_us), kind, head,
           CASE WHEN head AND delay_us <= 0 THEN 'r' ELSE 'w' END::"char"
      FROM placed
    RETURNING event_id, position, state
), counted AS (
    INSERT INTO job_flow (made) SELECT count(*) FROM made HAVING count(*) > 0
)
-- The place in line of those that are in it.
SELECT event_id, CASE WHEN state = 'r' THEN position END AS place FROM made
