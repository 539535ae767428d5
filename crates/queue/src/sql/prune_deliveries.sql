-- Forgets old delivery keys, a bounded number.
-- Called by: maintain, until a call finds fewer. Locks: the rows, skipping locked ones.
-- Index: deliveries_received.
SELECT storage_prune_deliveries($1) AS counted
