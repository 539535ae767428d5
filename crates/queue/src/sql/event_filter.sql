-- What all lists of events share: their conditions, their order, their bound.
-- Called by: events, behind list_events, list_live and list_ended. Locks: none. Index: theirs.
   AND ($1::text IS NULL OR s.kind = $1)
   AND ($2::text IS NULL OR s.actor = $2)
   AND ($3::text IS NULL OR s.tenant = $3)
   AND ($4::timestamptz IS NULL OR s.occurred_at >= $4)
   AND ($5::timestamptz IS NULL OR s.occurred_at < $5)
   AND ($6::timestamptz IS NULL OR (s.occurred_at, s.id) < ($6, $7::bigint))
   AND ($8::text IS NULL OR EXISTS (
        SELECT FROM jsonb_array_elements_text(s.error) AS link
         WHERE position(lower($8) IN lower(link)) > 0))
   AND ($11::timestamptz IS NULL OR s.ended_at < $11)
 ORDER BY s.occurred_at DESC, s.id DESC
 LIMIT $10
