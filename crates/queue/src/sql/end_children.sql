-- Counts children that have ended, each once, and completes the groups that have what they need.
-- Called by: whoever ends jobs that may be children, after lock_families. Answers with the groups
-- that are complete and whose parents have not been told. Locks: the children's rows, skipping those
-- that another is just counting; the groups' rows, held already. Index: children_pkey, outcomes_pkey,
-- jobs_pkey, fan_ins_pkey.
WITH gone AS MATERIALIZED (
    SELECT c.occurred_at, c.event_id
      FROM unnest($1::bigint[], $2::timestamptz[]) AS n (event_id, occurred_at)
      JOIN children c ON c.occurred_at = n.occurred_at AND c.event_id = n.event_id
     WHERE c.state IS NULL
       AND NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = n.event_id AND j.child)
       FOR UPDATE OF c SKIP LOCKED
), ended AS (
    UPDATE children c
       -- Without an outcome it was purged, which is a way to be called off.
       SET state = coalesce((SELECT o.state FROM outcomes o
                              WHERE o.occurred_at = c.occurred_at AND o.event_id = c.event_id
                                AND o.generation = 0), 'cancelled')
      FROM gone g
     WHERE c.occurred_at = g.occurred_at AND c.event_id = g.event_id AND c.state IS NULL
    RETURNING c.parent_id, c.generation, c.child_group, c.state
), sums AS (
    SELECT parent_id, generation, child_group, count(*) FILTER (WHERE state = 'done') AS done,
           count(*) FILTER (WHERE state <> 'done') AS failed
      FROM ended GROUP BY parent_id, generation, child_group
), counted AS (
    SELECT f.event_id, f.generation, f.child_group, f.done + s.done AS done,
           f.failed + s.failed AS failed,
           f.done + s.done + f.failed + s.failed >= f.total
           OR f.done + s.done >= f.needed
           -- So many can never be done any more.
           OR f.failed + s.failed > f.total - f.needed AS complete
      FROM sums s
      JOIN fan_ins f ON f.event_id = s.parent_id AND f.generation = s.generation
                    AND f.child_group = s.child_group
)
UPDATE fan_ins f
   SET done = c.done, failed = c.failed,
       completed_at = CASE WHEN f.completed_at IS NULL AND c.complete
                           THEN clock_timestamp() ELSE f.completed_at END,
       completed_by = CASE WHEN f.completed_by IS NULL AND c.complete
                           THEN 'children' ELSE f.completed_by END
  FROM counted c
 WHERE f.event_id = c.event_id AND f.generation = c.generation AND f.child_group = c.child_group
RETURNING f.completed_at IS NOT NULL AND f.continued_at IS NULL AS told_now
