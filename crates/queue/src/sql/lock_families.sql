-- Locks the groups that some events are children of, in sorted order, so that end_children counts
-- with a snapshot that shows all that was counted before.
-- Called by: whoever ends jobs that may be children, before end_children, in a statement of its own;
-- the last locks of a transaction. Locks: the groups' rows. Index: children_pkey, fan_ins_pkey.
SELECT f.event_id
  FROM (SELECT DISTINCT c.parent_id, c.generation, c.child_group
          FROM unnest($1::bigint[], $2::timestamptz[]) AS n (event_id, occurred_at)
          JOIN children c ON c.occurred_at = n.occurred_at AND c.event_id = n.event_id) AS theirs
  JOIN fan_ins f ON f.event_id = theirs.parent_id AND f.generation = theirs.generation
                AND f.child_group = theirs.child_group
 ORDER BY f.event_id, f.generation, f.child_group
   FOR UPDATE OF f
