-- Which database this is and was, how far its log is written, whether it knows an act, and whether it
-- is held.
-- Called by: look_for_restore. Locks: none. Index: effects_pkey; one row each of lineage and
-- pauses.
SELECT cluster, lineage_now() AS now,
       CASE WHEN NOT pg_is_in_recovery()
            THEN (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint END AS written,
       is_known($1, $2, $3, $4) AS known,
       EXISTS (SELECT FROM pauses WHERE scope = 'fleet' AND name = 'hold') AS held
  FROM lineage
