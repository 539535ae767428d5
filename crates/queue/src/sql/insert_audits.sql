-- The audit of one action on some events, a row for each.
-- Called by: cancel and purge, in their transactions. Locks: none. Index: none.
INSERT INTO audit (actor, action, reason, subject)
SELECT $1, $2, $3, jsonb_build_object('event', jsonb_build_object('id', id))
  FROM unnest($4::bigint[]) AS id
