-- Prolongs a lease, unless it was taken away. Late is no harm while nobody took it.
-- Called by: renew. Locks: the worker's row. Index: workers_pkey.
UPDATE workers
   SET lease_until = clock_timestamp() + $2::bigint * INTERVAL '1 millisecond'
 WHERE id = $1 AND fenced_at IS NULL AND stopped_at IS NULL
