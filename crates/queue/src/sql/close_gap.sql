-- Closes a gap that was read, or begins it anew with what was missed meanwhile. What was closed long ago
-- is forgotten.
-- Called by: close_gap. Locks: the gap's row; those of old ones. Index: gaps_pkey; gaps has a row for each
-- outage.
WITH forgotten AS (
    DELETE FROM gaps WHERE closed_at < clock_timestamp() - INTERVAL '90 days'
)
UPDATE gaps
   SET closed_at  = CASE WHEN next_since IS NULL THEN clock_timestamp() END,
       since      = coalesce(next_since, since),
       ready_at   = CASE WHEN next_since IS NULL THEN ready_at
                         ELSE from_micros(micros(clock_timestamp()) + $3::bigint) END,
       done_until = CASE WHEN next_since IS NULL THEN done_until ELSE '' END,
       next_since = NULL, held_until = NULL
 WHERE id = $1 AND token = $2 AND closed_at IS NULL
