-- Leads a twin's new keys to the event that came first.
-- Called by: the group commit. Locks: rows that this transaction inserted. Index: deliveries_pkey.
UPDATE deliveries d
   SET event_id = n.event_id, occurred_at = n.occurred_at
  FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS n (key, event_id, occurred_at)
 WHERE d.key = n.key
