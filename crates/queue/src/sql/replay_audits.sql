-- The audit of a batch of replays, a row for each event.
-- Called by: replay, in its transaction. Locks: none. Index: none.
INSERT INTO audit (actor, action, reason, subject)
SELECT $1, 'replay', $2,
       jsonb_strip_nulls(jsonb_build_object(
           'event', jsonb_build_object('occurred_at', micros(n.occurred_at), 'id', n.id),
           'generation', n.generation, 'from_step', $6::integer,
           'edited', nullif($7::boolean, false)))
  FROM unnest($3::timestamptz[], $4::bigint[], $5::integer[]) AS n (occurred_at, id, generation)
