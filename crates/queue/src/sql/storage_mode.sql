-- How the log is stored.
-- Called by: check_server and stats. Locks: none. Index: none, one row.
SELECT mode FROM storage
