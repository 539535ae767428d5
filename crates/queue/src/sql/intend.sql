-- Records an intent, if the claim holds its job and nobody intended the same before.
-- Called by: intend. Answers whether the job is held, and whether the intent is new. Locks: the
-- claim's job against its takeover until COMMIT; the effect's key. Index: jobs_pkey, effects_pkey.
WITH held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
), intended AS (
    INSERT INTO effects (occurred_at, event_id, generation, slot, key, state, token, target, deadline_at)
    SELECT $3, $4, $5, $6, $7, 'intended', $2, $8,
           clock_timestamp() + $9::bigint * INTERVAL '1 millisecond'
      FROM held
    ON CONFLICT (occurred_at, event_id, generation, slot) DO NOTHING
    RETURNING event_id
)
SELECT EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM intended) AS fresh
