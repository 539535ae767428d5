-- Asks the holders of running jobs to stop.
-- Called by: cancel and purge, after cancel_end. Locks: the jobs' rows. Index: jobs_pkey.
UPDATE jobs SET cancel_requested = true
 WHERE event_id = ANY ($1::bigint[]) AND state = 'x'
RETURNING event_id
