-- Takes the open gap of a source that nobody holds, for $2 microseconds.
-- Called by: take_gap. Locks: the gap's row. Index: gaps_open.
UPDATE gaps
   SET token = token + 1, held_until = from_micros(micros(clock_timestamp()) + $2::bigint)
 WHERE source = $1 AND closed_at IS NULL AND ready_at <= clock_timestamp()
   AND (held_until IS NULL OR held_until <= clock_timestamp())
RETURNING id, token, since, done_until
