-- Where an event lies, by its number alone.
-- Called by: event, replay. Locks: none. Index: events_id in every partition.
SELECT occurred_at FROM events WHERE id = $1
