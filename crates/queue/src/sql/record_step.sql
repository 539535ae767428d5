-- Records a step's result, the first time; a result that is there stands.
-- Called by: record_step. Answers whether the claim holds its job, and the result if it was recorded
-- now. Locks: the claim's job against its takeover until COMMIT; the step's row.
-- Index: jobs_pkey, steps_pkey.
WITH held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
), recorded AS (
    UPDATE steps
       SET token = $2, result = $6, done_at = clock_timestamp(), input_tokens = $7,
           output_tokens = $8, cost_micros = $9
     WHERE occurred_at = $3 AND event_id = $1 AND generation = $4 AND number = $5
       AND result IS NULL AND EXISTS (SELECT FROM held)
    RETURNING result
)
SELECT EXISTS (SELECT FROM held) AS held, (SELECT result FROM recorded) AS result
