-- Ends the fleet's hold and takes the database, as it is now, for whole; what happened before may have
-- been done outside without being known here.
-- Called by: release. Locks: both rows. Index: pauses_pkey; one row of lineage.
WITH gone AS (
    DELETE FROM pauses WHERE scope = 'fleet' AND name = 'hold' RETURNING scope
), whole AS (
    UPDATE lineage SET cluster = lineage_now(), released_at = clock_timestamp()
     WHERE EXISTS (SELECT FROM gone)
), resolved AS (
    UPDATE incidents SET resolved_at = clock_timestamp()
     WHERE kind = 'hold' AND resolved_at IS NULL AND EXISTS (SELECT FROM gone)
)
SELECT scope FROM gone
