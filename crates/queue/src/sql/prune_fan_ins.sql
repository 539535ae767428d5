-- Forgets groups of children whose parents are past retention, a bounded number.
-- Called by: maintain, until a call finds fewer. Locks: the rows, skipping locked ones.
-- Index: fan_ins_age.
SELECT storage_prune_fan_ins($1) AS counted
