-- Which event each key leads to, own inserts included.
-- Called by: the group commit, after insert_keys with a fresh snapshot: whatever that waited for is
-- visible now; find_key. Locks: none. Index: deliveries_pkey.
SELECT key, event_id, occurred_at FROM deliveries WHERE key = ANY ($1::text[])
