-- The oldest snapshot or open transaction of this database: what vacuum must keep for. While it is
-- held, every claim and every index grows slower. Without pg_read_all_stats only the role's own
-- sessions are seen.
-- Called by: horizon. Locks: none. Index: none, reads the list of sessions.
SELECT (extract(epoch FROM clock_timestamp() - since) * 1000)::bigint AS age_ms, pid, application
  FROM (SELECT xact_start AS since, pid, application_name AS application
          FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
           AND backend_type <> 'autovacuum worker'
        UNION ALL
        SELECT prepared, 0, 'a prepared transaction'
          FROM pg_prepared_xacts WHERE database = current_database()) AS holders
 WHERE since IS NOT NULL
 ORDER BY since LIMIT 1
