-- A pause, unless it stands already or $8 of them do.
-- Called by: pause. Locks: the row. Index: pauses_pkey.
INSERT INTO pauses (scope, name, kind, lane, event_id, actor, reason)
SELECT $1::text, $2::text, $3::text, $4::bigint, $5::bigint, $6::text, $7::text
 WHERE (SELECT count(*) FROM pauses) < $8::bigint
    ON CONFLICT (scope, name) DO NOTHING
RETURNING scope
