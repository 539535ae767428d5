-- Whether events can go.
-- Called by: purge. `awaited`: the event is a child, and its end is not counted yet. Locks: none.
-- Index: events_pkey, jobs_pkey, children_pkey.
SELECT e.id, e.occurred_at, e.lane, j.lane AS job_lane, job_state(j.state) AS live_state,
       EXISTS (SELECT FROM children c
                WHERE c.occurred_at = n.occurred_at AND c.event_id = n.id AND c.state IS NULL) AS awaited
  FROM unnest($1::timestamptz[], $2::bigint[]) AS n (occurred_at, id)
  JOIN events e ON e.occurred_at = n.occurred_at AND e.id = n.id
  LEFT JOIN jobs j ON j.event_id = n.id
