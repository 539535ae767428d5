-- One schedule.
-- Called by: run_schedule, add_schedule. Locks: none. Index: schedules_pkey.
SELECT * FROM schedules WHERE name = $1
