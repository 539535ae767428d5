-- The lanes and the days of live jobs.
-- Called by: cancel, to know which locks to take. Locks: none. Index: jobs_pkey.
SELECT event_id, lane, occurred_at FROM jobs WHERE event_id = ANY ($1::bigint[])
