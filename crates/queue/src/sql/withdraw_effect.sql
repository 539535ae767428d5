-- Takes an intent back whose act surely was not applied: what was meant is kept, and nothing of it is
-- under way, which a deadline at the epoch says.
-- Called by: withdraw_effect. Locks: the claim's job and the effect's row. Index: jobs_pkey,
-- effects_pkey.
WITH held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
)
UPDATE effects
   SET token = $2, deadline_at = 'epoch'
 WHERE occurred_at = $3 AND event_id = $4 AND generation = $5 AND slot = $6
   AND state = 'intended' AND EXISTS (SELECT FROM held)
