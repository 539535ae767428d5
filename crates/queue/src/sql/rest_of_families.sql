-- Live children of complete groups that call off their rest.
-- Called by: the sweep, which calls them off under their lanes' locks. Locks: none.
-- Index: fan_ins_rest, children_family, jobs_pkey.
SELECT c.event_id, c.occurred_at, j.lane
  FROM fan_ins f
  JOIN children c ON c.parent_id = f.event_id AND c.generation = f.generation
                 AND c.child_group = f.child_group AND c.state IS NULL
                 AND c.occurred_at >= f.first_at AND c.occurred_at <= f.last_at
  JOIN jobs j ON j.event_id = c.event_id AND j.child
 WHERE f.completed_at IS NOT NULL AND f.cancel_rest AND f.done + f.failed < f.total
   AND NOT (j.state = 'x' AND j.cancel_requested)
 LIMIT $1
