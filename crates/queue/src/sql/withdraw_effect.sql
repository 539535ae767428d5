-- Forgets an intent whose act surely was not applied.
-- Called by: withdraw_effect. Locks: the claim's job and the effect's row. Index: jobs_pkey,
-- effects_pkey.
WITH held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
)
DELETE FROM effects
 WHERE occurred_at = $3 AND event_id = $4 AND generation = $5 AND slot = $6
   AND state = 'intended' AND EXISTS (SELECT FROM held)
