-- Writes down that the database is back, if that is news: the first to look after a crash finds no row,
-- the first after a restart another start.
-- Called by: reap, before fence. Locks: the row, when it is written. Index: uptime_pkey.
INSERT INTO uptime (started_at, back_at)
SELECT pg_postmaster_start_time(), clock_timestamp()
 WHERE NOT EXISTS (SELECT FROM uptime WHERE started_at = pg_postmaster_start_time())
    ON CONFLICT (one) DO UPDATE SET started_at = EXCLUDED.started_at, back_at = EXCLUDED.back_at
 WHERE uptime.started_at <> EXCLUDED.started_at
