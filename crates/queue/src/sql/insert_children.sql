-- Children with their jobs: in line one behind the other, so that a family takes no more than its
-- turn; those with a lane wait, so that demote_heads and promote_heads place them.
-- Called by: spawn, under the locks of lock_lanes, after insert_fan_in and insert_events. Locks: none
-- further. Index: none.
WITH given AS (
    SELECT * FROM unnest($4::bigint[], $5::timestamptz[], $6::bigint[], $7::bigint[], $8::smallint[],
                         $9::bigint[], $10::bigint[], $11::text[]) WITH ORDINALITY
        AS n (event_id, occurred_at, lane, lane_order, priority, delay_us, expires_us, kind, number)
), clock AS MATERIALIZED (
    SELECT micros(clock_timestamp()) AS now, line_front() AS front
), made AS (
    INSERT INTO jobs (event_id, occurred_at, position, lane, lane_order, priority, expires_at, kind,
                      child, head, state)
    SELECT event_id, occurred_at,
           CASE WHEN lane IS NULL AND delay_us <= 0 THEN front + number ELSE now + delay_us END,
           lane, lane_order, priority, from_micros(now + expires_us), kind, true, lane IS NULL,
           CASE WHEN lane IS NULL AND delay_us <= 0 THEN 'r' ELSE 'w' END::"char"
      FROM given, clock
), counted AS (
    INSERT INTO job_flow (made) SELECT count(*) FROM given
)
INSERT INTO children (occurred_at, event_id, parent_id, generation, child_group, number)
SELECT occurred_at, event_id, $1::bigint, $2::integer, $3::text, number - 1 FROM given
