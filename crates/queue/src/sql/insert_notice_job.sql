-- The work owed to insert_notice's event: waiting, so that promote_heads places it. It has the dead
-- one's place in the lane, hence goes before all that wait there.
-- Called by: settle, right after insert_notice. Locks: none further. Index: deliveries_pkey,
-- jobs_pkey.
INSERT INTO jobs (event_id, occurred_at, tenant, lane, lane_order, run_at, kind, head, state)
SELECT d.event_id, d.occurred_at, $2, $3, $4, clock_timestamp(), $5, $3::bigint IS NULL,
       CASE WHEN $3::bigint IS NULL THEN 'ready' ELSE 'waiting' END
  FROM deliveries d
 WHERE d.key = $1 AND NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = d.event_id)
