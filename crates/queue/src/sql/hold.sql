-- The claim's right to its job, held until COMMIT.
-- Called by: settle, after lock_lanes. No row: the caller is a zombie. Locks: the job's row.
-- Index: jobs_pkey.
SELECT attempts, cancel_requested, lane_order FROM jobs
 WHERE event_id = $1 AND token = $2 AND state = 'x'
   FOR UPDATE
