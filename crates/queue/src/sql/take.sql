-- Takes from the bucket $1 what it wins back in $2 µs, unless that leaves it further from full than
-- the $3 µs in which it fills and the $4 µs that the caller would wait. Returns whether it did, and
-- how long to wait: for what was taken, or until it could be taken at once.
-- Called by: take and reserve. No row: the bucket was made by another at this moment. The condition is
-- judged again once the row is locked, so that two who meet here never take the same units. The commit
-- waits for no disk: what a crash of the server forgets is a moment's use of a rate, and the row is
-- free for the next one at once. Locks: the row. Index: limits_pkey.
WITH taken AS (
    INSERT INTO limits AS l (name, full_at)
    SELECT $1::text, clock_timestamp() + $2::bigint * INTERVAL '1 microsecond'
        ON CONFLICT (name) DO UPDATE
       SET full_at = greatest(l.full_at, clock_timestamp()) + $2 * INTERVAL '1 microsecond'
     WHERE greatest(l.full_at, clock_timestamp()) + $2 * INTERVAL '1 microsecond'
           <= clock_timestamp() + ($3::bigint + $4::bigint) * INTERVAL '1 microsecond'
    RETURNING greatest(0, (extract(epoch FROM l.full_at - clock_timestamp()) * 1000000)::bigint
                          - $3) AS wait_micros
), refused AS (
    -- As the statement's snapshot shows it: a hint, and never less than a millisecond.
    SELECT greatest(1000, (extract(epoch FROM l.full_at - clock_timestamp()) * 1000000)::bigint
                          + $2 - $3) AS wait_micros
      FROM limits l
     WHERE l.name = $1 AND NOT EXISTS (SELECT FROM taken)
)
SELECT granted, wait_micros, set_config('synchronous_commit', 'off', true)
  FROM (SELECT true AS granted, wait_micros FROM taken
        UNION ALL SELECT false, wait_micros FROM refused) AS answer
