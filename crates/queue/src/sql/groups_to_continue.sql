-- Complete groups whose parents have not been told, the first to be complete first.
-- Called by: the sweep, and right after a child's end that completed one. Locks: none.
-- Index: fan_ins_complete, jobs_pkey.
SELECT f.occurred_at, f.event_id, f.generation, f.child_group, j.lane
  FROM fan_ins f
  LEFT JOIN jobs j ON j.event_id = f.event_id AND j.generation = f.generation
 WHERE f.completed_at IS NOT NULL AND f.continued_at IS NULL
 ORDER BY f.completed_at LIMIT $1
