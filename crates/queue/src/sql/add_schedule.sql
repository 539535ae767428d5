-- Keeps a schedule; in place of one of the same name only if $13, and at most $14 of them.
-- Called by: add_schedule. No row: the name is taken, or there are too many. Locks: the row.
-- Index: schedules_pkey.
INSERT INTO schedules AS s (name, cron, zone, next_at, dealt_until, kind, tenant, actor, lane,
                            priority, raw, created_by)
SELECT $1::text, $2::text, $3::text, $4::timestamptz, $5::timestamptz, $6::text, $7::text, $8::text,
       $9::text, $10::smallint, $11::bytea, $12::text
 WHERE (SELECT count(*) FROM schedules) < $14::bigint OR EXISTS (SELECT FROM schedules WHERE name = $1)
    ON CONFLICT (name) DO UPDATE
   SET cron = excluded.cron, zone = excluded.zone, next_at = excluded.next_at,
       dealt_until = excluded.dealt_until, error = NULL, kind = excluded.kind,
       tenant = excluded.tenant, actor = excluded.actor, lane = excluded.lane,
       priority = excluded.priority, raw = excluded.raw, created_at = clock_timestamp(),
       created_by = excluded.created_by
 WHERE $13::boolean
RETURNING name
