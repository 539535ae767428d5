-- A new generation's job: waiting, so that demote_heads and promote_heads place it. Its `child` is
-- false: whoever waited for the first generation has its answer.
-- Called by: replay, under the locks of lock_lanes, after replay_state. Locks: none further.
-- Index: jobs_pkey.
WITH made AS (
    INSERT INTO jobs (event_id, occurred_at, position, lane, lane_order, kind, generation, head, state)
    VALUES ($1, $2,
            CASE WHEN $3::bigint IS NULL THEN line_front() ELSE micros(clock_timestamp()) END, $3, $4, $5, $6, $3::bigint IS NULL,
            CASE WHEN $3::bigint IS NULL THEN 'r' ELSE 'w' END::"char")
    RETURNING event_id
)
INSERT INTO job_flow (made) SELECT count(*) FROM made
