-- Notes that events of a source may have been missed since $2, not to be read for $3 microseconds. Where
-- a gap is open already, what was missed now is kept beside it.
-- Called by: listen, miss. Locks: the gap's row. Index: gaps_open.
INSERT INTO gaps (source, since, ready_at)
SELECT $1::text, $2::timestamptz, from_micros(micros(clock_timestamp()) + $3::bigint)
    ON CONFLICT (source) WHERE closed_at IS NULL
    DO UPDATE SET next_since = least(gaps.next_since, EXCLUDED.since)
