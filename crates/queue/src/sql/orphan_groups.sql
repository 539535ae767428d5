-- Closes groups whose parent has ended: nobody will go on. The children of a parent that did not
-- finish are called off; those of one that did, as the group says.
-- Each outcome is looked up by its key: EXISTS would let the planner hash all that ever ended.
-- Called by: the sweep. Locks: the groups' rows, skipping locked ones. Index: fan_ins_living,
-- jobs_pkey, outcomes_pkey.
UPDATE fan_ins
   SET completed_at = coalesce(completed_at, clock_timestamp()),
       completed_by = coalesce(completed_by, 'parent'),
       continued_at = coalesce(continued_at, clock_timestamp()),
       cancel_rest = cancel_rest OR (
            SELECT o.state FROM outcomes o
             WHERE o.occurred_at = fan_ins.occurred_at AND o.event_id = fan_ins.event_id
               AND o.generation = fan_ins.generation) IS DISTINCT FROM 'done'
 WHERE ctid = ANY (ARRAY(
        SELECT f.ctid FROM fan_ins f
         WHERE f.living > 0
           AND NOT EXISTS (SELECT FROM jobs j
                            WHERE j.event_id = f.event_id AND j.generation = f.generation)
           AND (f.completed_at IS NULL
                OR NOT f.cancel_rest AND (
                    SELECT o.state FROM outcomes o
                     WHERE o.occurred_at = f.occurred_at AND o.event_id = f.event_id
                       AND o.generation = f.generation) IS DISTINCT FROM 'done')
         ORDER BY f.event_id LIMIT $1
           FOR UPDATE SKIP LOCKED))
   AND living > 0
RETURNING event_id
