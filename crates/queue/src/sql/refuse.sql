-- Closes the bucket $1 for $2 µs, and leaves it so empty that one unit is there then: $3 µs from full.
-- Called by: refuse. Locks: the row. Index: limits_pkey.
INSERT INTO limits AS l (name, full_at, refused_until)
SELECT $1::text, clock_timestamp() + ($2::bigint + $3::bigint) * INTERVAL '1 microsecond',
       clock_timestamp() + $2 * INTERVAL '1 microsecond'
    ON CONFLICT (name) DO UPDATE
   SET full_at = greatest(l.full_at, excluded.full_at),
       refused_until = greatest(l.refused_until, excluded.refused_until)
