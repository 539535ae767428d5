-- Ends the lease of a worker that is known to be dead: its jobs may be taken over at once. Both times
-- are set, so that whoever looks sees that it was not by its own will.
-- Called by: report_death. Locks: the worker's row. Index: workers_pkey.
UPDATE workers
   SET fenced_at = coalesce(fenced_at, clock_timestamp()), stopped_at = clock_timestamp(),
       lease_until = least(lease_until, clock_timestamp())
 WHERE id = $1 AND stopped_at IS NULL
