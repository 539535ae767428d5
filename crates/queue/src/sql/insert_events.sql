-- Appends a batch to the log.
-- Called by: the group commit. Locks: none that others wait for. Index: none.
INSERT INTO events (occurred_at, id, lane, lane_order, correlation_id, raw_bytes, source, kind,
                    tenant, actor, lane_name, quarantine_reason, raw_sha256, raw)
SELECT * FROM unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[],
                     $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                     $12::text[], $13::bytea[], $14::bytea[])
