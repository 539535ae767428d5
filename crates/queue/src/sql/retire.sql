-- Ends a lease by its holder's own will.
-- Called by: retire. Locks: the worker's row. Index: workers_pkey.
UPDATE workers
   SET stopped_at = clock_timestamp(), lease_until = least(lease_until, clock_timestamp())
 WHERE id = $1 AND stopped_at IS NULL
