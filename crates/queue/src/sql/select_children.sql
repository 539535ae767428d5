-- The children of a group, in the order in which they were given, with how they ended. $4 and $5
-- bound the days that they lie in.
-- Called by: spawn, family. Locks: none. Index: children_family, outcomes_pkey.
SELECT c.occurred_at, c.event_id, c.number, c.state, o.reply, o.error
  FROM children c
  LEFT JOIN outcomes o ON o.occurred_at = c.occurred_at AND o.event_id = c.event_id
                      AND o.generation = 0
 WHERE c.parent_id = $1 AND c.generation = $2 AND c.child_group = $3
   AND c.occurred_at >= $4 AND c.occurred_at <= $5
 ORDER BY c.number
