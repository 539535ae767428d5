-- A sign of life.
-- Called by: ping. Locks: none. Index: none.
SELECT 1
