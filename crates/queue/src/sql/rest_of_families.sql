-- Live children of complete groups that call off their rest.
-- Called by: the sweep, which calls them off under their lanes' locks. Locks: none.
-- Index: fan_ins_rest, children_family, jobs_pkey.
SELECT c.event_id, c.occurred_at, c.lane
  FROM (SELECT * FROM fan_ins
         WHERE completed_at IS NOT NULL AND cancel_rest AND living > 0
         ORDER BY completed_at LIMIT 1000) AS f
 CROSS JOIN LATERAL (
        SELECT c.event_id, c.occurred_at, j.lane
          FROM children c
          JOIN jobs j ON j.event_id = c.event_id AND j.child
         WHERE c.parent_id = f.event_id AND c.generation = f.generation
           AND c.child_group = f.child_group AND c.state IS NULL
           AND c.occurred_at >= f.first_at AND c.occurred_at <= f.last_at
           AND NOT (j.state = 'x' AND j.cancel_requested)
         ORDER BY c.number LIMIT $1) AS c
 LIMIT $1
