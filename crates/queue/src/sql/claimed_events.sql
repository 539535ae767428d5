-- The events of claimed jobs that a claim did not find within its days.
-- Called by: claim, before it hands out what it claimed. Locks: none. Index: events_pkey.
SELECT e.id AS event_id, e.source, e.tenant, e.actor, e.lane_name, e.correlation_id, e.raw,
       e.received_at
  FROM unnest($1::timestamptz[], $2::bigint[]) AS n (occurred_at, id)
  JOIN events e ON e.occurred_at = n.occurred_at AND e.id = n.id
