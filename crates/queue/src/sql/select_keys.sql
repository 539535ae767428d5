-- The keys that lead to an event.
-- Called by: event. Locks: none. Index: deliveries_event.
SELECT key FROM deliveries WHERE event_id = $1 ORDER BY key
