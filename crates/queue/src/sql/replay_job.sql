-- A new generation's job: waiting, so that demote_heads and promote_heads place it.
-- Called by: replay, under the locks of lock_lanes, after replay_state. Locks: none further.
-- Index: jobs_pkey.
INSERT INTO jobs (event_id, occurred_at, tenant, lane, lane_order, run_at, kind, generation, head, state)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6, $7, $4::bigint IS NULL,
        CASE WHEN $4::bigint IS NULL THEN 'ready' ELSE 'waiting' END)
