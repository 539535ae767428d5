-- Notes that an incident was put right.
-- Called by: resolve_incident. Locks: the row. Index: incidents_once.
UPDATE incidents SET resolved_at = clock_timestamp()
 WHERE kind = $1 AND name = $2 AND resolved_at IS NULL
