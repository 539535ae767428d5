-- The lane and the day of a live job.
-- Called by: cancel, to know which lock to take. Locks: none. Index: jobs_pkey.
SELECT lane, occurred_at FROM jobs WHERE event_id = $1
