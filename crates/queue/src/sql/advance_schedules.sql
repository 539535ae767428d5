-- Moves fired schedules on to their next times.
-- Called by: fire_due. Locks: the rows, held already. Index: schedules_pkey.
UPDATE schedules s
   SET next_at = n.next_at, dealt_until = n.dealt_until, error = n.error,
       last_at = coalesce(n.last_at, s.last_at),
       last_event_at = coalesce(n.last_event_at, s.last_event_at),
       last_event_id = coalesce(n.last_event_id, s.last_event_id)
  FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
              $6::bigint[], $7::text[])
       AS n (name, next_at, dealt_until, last_at, last_event_at, last_event_id, error)
 WHERE s.name = n.name
