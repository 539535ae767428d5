-- Which events' last ended generation recorded the result of a step below $3.
-- Called by: replay from a step. Locks: none. Index: outcomes_pkey, steps_pkey.
SELECT n.id
  FROM unnest($1::timestamptz[], $2::bigint[]) AS n (occurred_at, id)
 CROSS JOIN LATERAL (
        SELECT generation FROM outcomes
         WHERE occurred_at = n.occurred_at AND event_id = n.id
         ORDER BY generation DESC LIMIT 1) AS o
 WHERE EXISTS (SELECT FROM steps s
                WHERE s.occurred_at = n.occurred_at AND s.event_id = n.id
                  AND s.generation = o.generation AND s.number < $3::integer
                  AND s.result IS NOT NULL)
