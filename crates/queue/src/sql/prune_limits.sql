-- Forgets buckets that have been full for a day, $1 at most.
-- Called by: maintain. Locks: the rows, skipping locked ones. Index: none; the table has one narrow
-- row for each name that was used within a day, and is read once an hour.
WITH gone AS (
    DELETE FROM limits
     WHERE name = ANY (ARRAY(
            SELECT name FROM limits
             WHERE full_at < clock_timestamp() - INTERVAL '1 day'
             LIMIT $1::integer
               FOR UPDATE SKIP LOCKED))
    RETURNING name
)
SELECT count(*)::integer AS counted FROM gone
