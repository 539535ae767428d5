-- The newest incidents, $1 at most.
-- Called by: incidents. Locks: none. Index: incidents_pkey.
SELECT id, at, kind, name, subject, resolved_at FROM incidents ORDER BY id DESC LIMIT $1
