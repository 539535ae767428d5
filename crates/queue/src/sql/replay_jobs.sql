-- New generations' jobs: those in a lane wait, so that demote_heads and promote_heads place them, the
-- others go to the front of the line, one behind the other. They are nobody's children: whoever
-- waited for the first generation has its answer.
-- Called by: replay, under the locks of lock_lanes, after replay_states. Locks: none further.
-- Index: jobs_pkey.
WITH made AS (
    INSERT INTO jobs (event_id, occurred_at, lane, lane_order, kind, generation, priority, head, state,
                      position)
    SELECT event_id, occurred_at, lane, lane_order, kind, generation, priority, lane IS NULL,
           CASE WHEN lane IS NULL THEN 'r' ELSE 'w' END::"char",
           CASE WHEN lane IS NULL THEN (SELECT line_front()) + rank ELSE micros(clock_timestamp()) END
      FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::text[],
                  $6::integer[], $7::smallint[])
           WITH ORDINALITY AS n (event_id, occurred_at, lane, lane_order, kind, generation, priority,
                                 rank)
    RETURNING event_id
)
INSERT INTO job_flow (made) SELECT count(*) FROM made
