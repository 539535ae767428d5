-- Changes what a job works on that nobody works on now.
-- Called by: amend. Locks: the job's row: waits for a claim in flight, and leaves that job alone.
-- Index: jobs_pkey, payloads_pkey.
WITH amended AS (
    UPDATE jobs SET amended = true WHERE event_id = $2 AND state <> 'x' RETURNING generation
)
INSERT INTO payloads (occurred_at, event_id, generation, raw)
SELECT $1::timestamptz, $2::bigint, generation, $3::bytea FROM amended
    ON CONFLICT (occurred_at, event_id, generation)
    DO UPDATE SET raw = EXCLUDED.raw, given_at = clock_timestamp()
