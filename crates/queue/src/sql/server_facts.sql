-- The server's version and the settings that durability rests on.
-- Called by: check_server. Locks: none. Index: none.
SELECT current_setting('server_version_num')::integer AS version,
       current_setting('server_version') AS version_text,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       to_regclass('storage') IS NOT NULL AS migrated
