-- Numbers for a batch of new events.
-- Called by: the group commit, before its transaction, so that a batch whose COMMIT was lost is
-- found again under the same numbers. Locks: none. Index: none (a sequence).
SELECT nextval('event_ids') AS id FROM generate_series(1, $1::bigint)
