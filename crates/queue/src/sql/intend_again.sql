-- Renews an intent of unknown result: the claim's token, a new deadline, the first time kept.
-- Called by: intend_again. Answers whether anything may be done outside now, and whether it was renewed.
-- Locks: the claim's job and the effect's row. Index: jobs_pkey, effects_pkey; one row each of lineage
-- and pauses.
WITH standing AS MATERIALIZED (
    SELECT coalesce(cluster = lineage_now(), true)
           AND NOT EXISTS (SELECT FROM pauses WHERE scope = 'fleet' AND name = 'hold')
           AND is_known($9, $10, $11, $12) AS open
      FROM lineage
), held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
), renewed AS (
    UPDATE effects
       SET token = $2, target = $7,
           deadline_at = clock_timestamp() + $8::bigint * INTERVAL '1 millisecond'
     WHERE occurred_at = $3 AND event_id = $4 AND generation = $5 AND slot = $6
       AND state = 'intended' AND EXISTS (SELECT FROM held)
       AND EXISTS (SELECT FROM standing WHERE open)
    RETURNING event_id
)
SELECT open, EXISTS (SELECT FROM renewed) AS renewed FROM standing
