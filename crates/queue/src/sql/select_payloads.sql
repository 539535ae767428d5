-- What generations work on, where it is not the log's bytes: what was given for that generation, or for
-- the last before it.
-- Called by: claim, for those of its jobs that are replays or were amended. Locks: none. Index: payloads_pkey.
SELECT n.id, p.raw
  FROM unnest($1::timestamptz[], $2::bigint[], $3::integer[]) AS n (occurred_at, id, generation)
 CROSS JOIN LATERAL (
        SELECT raw FROM payloads
         WHERE occurred_at = n.occurred_at AND event_id = n.id AND generation <= n.generation
         ORDER BY generation DESC LIMIT 1) AS p
