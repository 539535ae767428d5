-- Takes away the leases that have ended, so that a late renewal finds out. For $2 ms after an outage
-- of the database none is taken: their holders could not renew them.
-- Called by: reap, before it looks for jobs. Locks: those workers' rows, skipping locked ones (one
-- that is just being renewed). Index: workers_live.
UPDATE workers
   SET fenced_at = clock_timestamp()
 WHERE id = ANY (ARRAY(
        SELECT id FROM workers
         WHERE fenced_at IS NULL AND stopped_at IS NULL AND lease_until <= clock_timestamp()
           -- A time ahead of the clock is from before the clock was set back.
           AND NOT EXISTS (
                SELECT FROM uptime
                 WHERE back_at BETWEEN clock_timestamp() - $2::bigint * INTERVAL '1 millisecond'
                                   AND clock_timestamp())
         ORDER BY lease_until LIMIT $1
           FOR UPDATE SKIP LOCKED))
