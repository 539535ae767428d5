-- Notes that a source is listened to; answers with when it was last, and how long ago. Nothing for a
-- source that nobody listened to before.
-- Called by: listen. Locks: the source's row: two processes are told one after the other, so that one
-- of them alone finds the time long ago. Index: sources_pkey.
WITH before AS MATERIALIZED (
    SELECT name, heard_at FROM sources WHERE name = $1::text FOR UPDATE
), heard AS (
    UPDATE sources s SET heard_at = clock_timestamp() FROM before b WHERE s.name = b.name
    RETURNING b.heard_at AS since, s.heard_at AS now
), first AS (
    INSERT INTO sources (name, heard_at)
    SELECT $1::text, clock_timestamp() WHERE NOT EXISTS (SELECT FROM before)
        ON CONFLICT (name) DO NOTHING
)
SELECT since, micros(now) - micros(since) AS silent_us FROM heard
