-- Forgets schedules that were to fire once and did.
-- Called by: fire_due, after advance_schedules. One whose event was refused stays, with its reason.
-- Locks: the rows, held already. Index: schedules_pkey.
DELETE FROM schedules
 WHERE name = ANY ($1::text[]) AND cron IS NULL AND next_at IS NULL AND error IS NULL
