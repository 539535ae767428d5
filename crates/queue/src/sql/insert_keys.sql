-- Claims the keys of a batch for its events; answers with those that were new.
-- Called by: the group commit, first in its transaction. Locks: the new keys until COMMIT, in the
-- order given, which is sorted: two batches wait for each other in one direction only.
-- Index: deliveries_pkey.
INSERT INTO deliveries (key, event_id, occurred_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[])
ON CONFLICT (key) DO NOTHING
RETURNING key
