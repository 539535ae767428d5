-- The record of a generation's steps, or the one of them that $4 names.
-- Called by: steps, intend_step, record_step. Locks: none. Index: steps_pkey.
SELECT number, kind, name, input, result, tries, token, intended_at, done_at, input_tokens,
       output_tokens, cost_micros, copied_from
  FROM steps
 WHERE occurred_at = $1 AND event_id = $2 AND generation = $3
   AND number >= coalesce($4, 0) AND number <= coalesce($4, 9999)
 ORDER BY number
