-- What new generations work on instead of the log's bytes.
-- Called by: replay, in its transaction. Locks: none further. Index: payloads_pkey.
INSERT INTO payloads (occurred_at, event_id, generation, raw)
SELECT n.occurred_at, n.id, n.generation, $4::bytea
  FROM unnest($1::timestamptz[], $2::bigint[], $3::integer[]) AS n (occurred_at, id, generation)
