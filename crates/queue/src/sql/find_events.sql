-- Where some events lie, by their numbers alone.
-- Called by: replay, purge. Locks: none. Index: events_id in every partition.
SELECT occurred_at, id FROM events WHERE id = ANY ($1::bigint[])
