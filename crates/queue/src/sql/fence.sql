-- Takes away the leases that have ended, so that a late renewal finds out.
-- Called by: reap, before it looks for jobs. Locks: those workers' rows, skipping locked ones (one
-- that is just being renewed). Index: workers_live.
UPDATE workers
   SET fenced_at = clock_timestamp()
 WHERE id = ANY (ARRAY(
        SELECT id FROM workers
         WHERE fenced_at IS NULL AND stopped_at IS NULL AND lease_until <= clock_timestamp()
         ORDER BY lease_until LIMIT $1
           FOR UPDATE SKIP LOCKED))
