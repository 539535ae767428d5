-- The newest events, of any state or of one that leaves no other trace (stored, quarantined).
-- Called by: events. Locks: none. Index: events_pkey backwards, jobs_pkey, outcomes_pkey.
SELECT s.* FROM event_summaries s
 WHERE ($9::text IS NULL OR s.state = $9)
   AND ($1::text IS NULL OR s.kind = $1)
   AND ($2::text IS NULL OR s.actor = $2)
   AND ($3::text IS NULL OR s.tenant = $3)
   AND ($4::timestamptz IS NULL OR s.occurred_at >= $4)
   AND ($5::timestamptz IS NULL OR s.occurred_at < $5)
   AND ($6::timestamptz IS NULL OR (s.occurred_at, s.id) < ($6, $7::bigint))
   AND ($8::text IS NULL OR EXISTS (
        SELECT FROM jsonb_array_elements_text(s.error) AS link
         WHERE position(lower($8) IN lower(link)) > 0))
 ORDER BY s.occurred_at DESC, s.id DESC
 LIMIT $10
