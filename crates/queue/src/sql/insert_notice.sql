-- The internal event that follows a death, in the dead one's lane and name, told once.
-- Called by: settle, in the transaction of the death; insert_notice_job follows it. Locks: its key.
-- Index: events_pkey, deliveries_pkey.
WITH subject AS (
    SELECT * FROM events WHERE occurred_at = $1 AND id = $2
), keyed AS (
    INSERT INTO deliveries (key, event_id, occurred_at)
    SELECT $3, nextval('event_ids'), clock_timestamp() FROM subject
    ON CONFLICT (key) DO NOTHING
    RETURNING event_id, occurred_at
)
INSERT INTO events (occurred_at, id, source, kind, tenant, actor, lane, lane_name, lane_order,
                    correlation_id, raw, raw_bytes)
SELECT k.occurred_at, k.event_id, 'queue', $4, s.tenant, s.actor, s.lane, s.lane_name,
       s.lane_order, s.correlation_id, $5::bytea, length($5::bytea)
  FROM keyed k CROSS JOIN subject s
