-- Partitions ahead, and homes for what the DEFAULT partitions caught.
-- Called by: maintain. Locks: an advisory one against other processes; DEFAULT partitions, briefly,
-- when a partition is missing. Index: the DEFAULT partitions' primary keys.
SELECT storage_add_partitions() AS counted
