-- What is known of an act that was intended before.
-- Called by: intend. Locks: none. Index: effects_pkey.
SELECT state, intended_at, target, result,
       (extract(epoch FROM clock_timestamp() - intended_at) * 1000)::bigint AS age_ms,
       (extract(epoch FROM deadline_at - clock_timestamp()) * 1000)::bigint AS left_ms
  FROM effects
 WHERE occurred_at = $1 AND event_id = $2 AND generation = $3 AND slot = $4
