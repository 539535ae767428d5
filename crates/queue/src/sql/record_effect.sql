-- Records an act's result. Repeating it with the same result is no error.
-- Called by: record_effect. Locks: the claim's job and the effect's row. Index: jobs_pkey,
-- effects_pkey.
WITH held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
)
UPDATE effects
   SET token = $2, state = 'done', result = $7, done_at = coalesce(done_at, clock_timestamp())
 WHERE occurred_at = $3 AND event_id = $4 AND generation = $5 AND slot = $6
   AND (state = 'intended' OR result = $7) AND EXISTS (SELECT FROM held)
