-- Renews an intent of unknown result: the claim's token, a new deadline, the first time kept.
-- Called by: intend_again. Locks: the claim's job and the effect's row. Index: jobs_pkey,
-- effects_pkey.
WITH held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
)
UPDATE effects
   SET token = $2, target = $7, deadline_at = clock_timestamp() + $8::bigint * INTERVAL '1 millisecond'
 WHERE occurred_at = $3 AND event_id = $4 AND generation = $5 AND slot = $6
   AND state = 'intended' AND EXISTS (SELECT FROM held)
