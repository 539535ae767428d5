-- Records an intent, if the claim holds its job and nobody intended the same before, or took it back.
-- Called by: intend. Answers whether anything may be done outside now, whether the job is held,
-- whether the intent is new, and whether the event happened before a release, so that this may have been
-- done without being known here. Locks: the claim's job against its takeover until COMMIT; the effect's
-- key. Index: jobs_pkey, effects_pkey; one row each of lineage and pauses.
WITH standing AS MATERIALIZED (
    SELECT coalesce(cluster = lineage_now(), true)
           AND NOT EXISTS (SELECT FROM pauses WHERE scope = 'fleet' AND name = 'hold')
           AND is_known($10, $11, $12, $13) AS open,
           coalesce($3 < released_at, false) AS doubtful
      FROM lineage
), held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
), intended AS (
    INSERT INTO effects AS e
           (occurred_at, event_id, generation, slot, key, state, token, target, deadline_at)
    SELECT $3, $4, $5, $6, $7, 'intended', $2, $8,
           clock_timestamp() + $9::bigint * INTERVAL '1 millisecond'
      FROM held, standing
     WHERE open
    ON CONFLICT (occurred_at, event_id, generation, slot) DO UPDATE
       SET token = excluded.token, target = excluded.target, deadline_at = excluded.deadline_at,
           intended_at = clock_timestamp()
     WHERE e.state = 'intended' AND e.deadline_at = 'epoch'
    RETURNING event_id
)
SELECT open, doubtful, EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM intended) AS fresh
  FROM standing
