-- Of the $4 live jobs after event $1, those of kind $3 up to event $2 that nobody has called off
-- yet; all kinds without one.
-- Called by: cancel_all, from window to window; without a row there are no more. `last` is where the
-- next window begins, and one row comes with that alone. Locks: none. Index: jobs_pkey.
WITH looked AS MATERIALIZED (
    SELECT event_id, kind, cancel_requested FROM jobs
     WHERE event_id > $1::bigint AND event_id <= $2::bigint
     ORDER BY event_id LIMIT $4
), edge AS (
    SELECT max(event_id) AS last FROM looked HAVING count(*) > 0
)
SELECT last, NULL::bigint AS event_id FROM edge
UNION ALL
SELECT edge.last, l.event_id
  FROM looked l, edge
 WHERE ($3::text IS NULL OR l.kind = $3) AND NOT l.cancel_requested
