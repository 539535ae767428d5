-- Children that have ended without having been counted: whoever ended them did so by other means.
-- Called by: the sweep, now and then. Locks: none. Index: fan_ins_living, children_family, jobs_pkey.
SELECT c.event_id, c.occurred_at
  FROM (SELECT * FROM fan_ins WHERE living > 0 ORDER BY event_id LIMIT 10000) AS f
 CROSS JOIN LATERAL (
        SELECT c.event_id, c.occurred_at
          FROM children c
         WHERE c.parent_id = f.event_id AND c.generation = f.generation
           AND c.child_group = f.child_group AND c.state IS NULL
           AND c.occurred_at >= f.first_at AND c.occurred_at <= f.last_at
           AND NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = c.event_id AND j.child)
         ORDER BY c.number LIMIT $1) AS c
 LIMIT $1
