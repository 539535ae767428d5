-- Forgets a schedule.
-- Called by: remove_schedule. Locks: the row; waits for whoever fires it. Index: schedules_pkey.
DELETE FROM schedules WHERE name = $1 RETURNING name
