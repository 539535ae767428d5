-- Brings leases back within $1 ms from now that end later: the database's clock was set back, and a
-- worker that died before would keep its jobs until the old time comes again.
-- Called by: reap, before fence. Locks: those workers' rows. Index: workers_live.
UPDATE workers
   SET lease_until = clock_timestamp() + $1::bigint * INTERVAL '1 millisecond'
 WHERE fenced_at IS NULL AND stopped_at IS NULL
   AND lease_until > clock_timestamp() + ($1::bigint + 1000) * INTERVAL '1 millisecond'
