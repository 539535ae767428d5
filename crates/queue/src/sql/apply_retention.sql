-- Drops whole days past retention.
-- Called by: maintain. Locks: an advisory one against other processes; the tables, briefly, when a
-- day goes. Index: none; reads the live table once.
SELECT storage_apply_retention() AS counted
