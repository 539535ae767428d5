-- Running jobs of workers that are over, however long ago, or that nobody knows.
-- Called by: take_back_all, which settles each under its lane's lock and its token. Locks: none.
-- Index: jobs_held.
SELECT j.event_id, j.occurred_at, j.generation, j.attempts, j.token, j.lane, j.child, j.kind
  FROM jobs j
  LEFT JOIN workers w ON w.id = j.holder
 WHERE j.state = 'x'
   AND (w.id IS NULL OR w.fenced_at IS NOT NULL OR w.stopped_at IS NOT NULL)
 LIMIT $1
