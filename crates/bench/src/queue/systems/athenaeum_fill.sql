-- Ready jobs and their events, {first} to {last}, each a copy of the one job that was enqueued
-- through the engine: whatever else it made the columns, the copies have it too. Their places in
-- line follow its own.
DO $fill$
DECLARE
    job_columns   text;
    event_columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ') INTO job_columns FROM pg_attribute
     WHERE attrelid = 'jobs'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
       AND attname NOT IN ('event_id', 'occurred_at', 'position');
    SELECT string_agg(quote_ident(attname), ', ') INTO event_columns FROM pg_attribute
     WHERE attrelid = 'events'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
       AND attname NOT IN ('id', 'occurred_at', 'raw', 'raw_bytes');
    EXECUTE format($insert$
        INSERT INTO events (id, occurred_at, raw, raw_bytes, %1$s)
        SELECT 1000000000 + n, one.occurred_at + n * interval '1 microsecond',
               convert_to(body, 'UTF8'), length(body), %1$s
          FROM (SELECT * FROM events ORDER BY id LIMIT 1) AS one,
               generate_series({first}::bigint, {last}) AS n,
               LATERAL (SELECT pg_temp.bench_payload(n, {bytes})) AS payload (body)
        $insert$, event_columns);
    EXECUTE format($insert$
        INSERT INTO jobs (event_id, occurred_at, position, %1$s)
        SELECT 1000000000 + n, one.occurred_at + n * interval '1 microsecond',
               one.position + 1 + n, %1$s
          FROM (SELECT * FROM jobs ORDER BY event_id LIMIT 1) AS one,
               generate_series({first}::bigint, {last}) AS n
        $insert$, job_columns);
END
$fill$
