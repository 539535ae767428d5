-- The highest number that an event has.
-- Called by: cancel_all, so that what arrives meanwhile is left alone. Locks: none. Index: none.
SELECT last_value AS newest FROM event_ids
