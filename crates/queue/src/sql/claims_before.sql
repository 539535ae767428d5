-- The transactions under way that read the pauses, as every claim does: all of them, or those of $1
-- that still are.
-- Called by: pause, after its COMMIT: whoever reads the table from now on sees the pause. Locks:
-- those of the lock table, for an instant. Index: none; as long as there are locks in the server.
SELECT DISTINCT virtualtransaction AS transaction
  FROM pg_locks
 WHERE relation = 'pauses'::regclass AND mode = 'AccessShareLock' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND pid <> pg_backend_pid()
   AND ($1::text[] = '{}' OR virtualtransaction = ANY ($1::text[]))
