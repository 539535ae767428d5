-- Forgets what was used before yesterday, $1 rows at most.
-- Called by: maintain. Locks: the rows, skipping locked ones. Index: quotas_over.
WITH gone AS (
    DELETE FROM quotas
     WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM quotas
             WHERE starts_at < (SELECT clock_timestamp() - INTERVAL '2 days')
             LIMIT $1::integer
               FOR UPDATE SKIP LOCKED))
    RETURNING name
)
SELECT count(*)::integer AS counted FROM gone
