-- Tells every listener that a running job was called off.
-- Called by: cancel, after its commit. Locks: as notify. Index: none.
SELECT pg_notify('athenaeum_stops', '')
