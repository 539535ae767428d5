-- The work owed to insert_notice's event: waiting, so that promote_heads places it. It has the dead
-- one's place in the lane, hence goes before all that wait there.
-- Called by: settle, right after insert_notice. Locks: none further. Index: deliveries_pkey,
-- jobs_pkey.
WITH made AS (
    INSERT INTO jobs (event_id, occurred_at, position, lane, lane_order, kind, head, state)
    SELECT d.event_id, d.occurred_at,
           CASE WHEN $2::bigint IS NULL THEN line_front() ELSE micros(clock_timestamp()) END, $2, $3, $4, $2::bigint IS NULL,
           CASE WHEN $2::bigint IS NULL THEN 'r' ELSE 'w' END::"char"
      FROM deliveries d
     WHERE d.key = $1 AND NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = d.event_id)
    RETURNING event_id
)
INSERT INTO job_flow (made) SELECT count(*) FROM made HAVING count(*) > 0
