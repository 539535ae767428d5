-- One event of the log.
-- Called by: load, event. Locks: none. Index: events_pkey.
SELECT occurred_at, id, source, kind, tenant, actor, lane_name, lane_order, correlation_id,
       received_at, raw, raw_bytes, raw_sha256, quarantine_reason
  FROM events
 WHERE occurred_at = $1 AND id = $2
