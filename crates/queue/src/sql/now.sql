-- The moment.
-- Called by: add_schedule, run_schedule. Locks: none. Index: none.
SELECT clock_timestamp() AS now
