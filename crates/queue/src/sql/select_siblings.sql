-- The log rows that twins lead to, to make the jobs that those did not.
-- Called by: the group commit, only when a twin deserves work. Locks: none. Index: events_pkey.
SELECT e.id, e.occurred_at, e.lane, e.lane_order
  FROM unnest($1::timestamptz[], $2::bigint[]) AS n (occurred_at, id)
  JOIN events e ON e.occurred_at = n.occurred_at AND e.id = n.id
