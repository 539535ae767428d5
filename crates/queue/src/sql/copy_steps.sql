-- Takes the finished steps below number $5 of generation $3 over into generation $4.
-- Called by: replay from a step, in its transaction, with the new generation's job. Locks: none that
-- others wait for. Index: steps_pkey.
INSERT INTO steps (occurred_at, event_id, generation, number, token, intended_at, done_at,
                   copied_from, kind, name, input, result)
SELECT occurred_at, event_id, $4, number, token, intended_at, done_at,
       coalesce(copied_from, generation), kind, name, input, result
  FROM steps
 WHERE occurred_at = $1 AND event_id = $2 AND generation = $3 AND number < $5
   AND result IS NOT NULL
RETURNING number
