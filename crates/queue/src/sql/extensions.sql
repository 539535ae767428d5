-- The extensions of this database.
-- Called by: check_server. Locks: none. Index: none.
SELECT extname::text AS name, extversion AS version FROM pg_extension ORDER BY extname
