-- Notes how far the reading of a gap is, and holds it for $5 microseconds more, or lets it go for 0.
-- Called by: advance_gap. Locks: the gap's row. Index: gaps_pkey.
UPDATE gaps
   SET done_until = $3, found = found + $4::bigint,
       held_until = from_micros(micros(clock_timestamp()) + $5::bigint)
 WHERE id = $1 AND token = $2 AND closed_at IS NULL
