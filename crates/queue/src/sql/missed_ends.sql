-- Children that have ended without having been counted: whoever ended them did so by other means.
-- Called by: the sweep, now and then. Locks: none. Index: fan_ins_living, children_family, jobs_pkey.
SELECT c.event_id, c.occurred_at
  FROM fan_ins f
  JOIN children c ON c.parent_id = f.event_id AND c.generation = f.generation
                 AND c.child_group = f.child_group AND c.state IS NULL
                 AND c.occurred_at >= f.first_at AND c.occurred_at <= f.last_at
 WHERE f.done + f.failed < f.total
   AND NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = c.event_id AND j.child)
 LIMIT $1
