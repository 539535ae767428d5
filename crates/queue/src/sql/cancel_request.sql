-- Asks the holder of a running job to stop.
-- Called by: cancel, after cancel_end. Locks: the job's row. Index: jobs_pkey.
UPDATE jobs SET cancel_requested = true
 WHERE event_id = $1 AND state = 'x'
RETURNING event_id
