-- Counts $4 to the quota $1 in the $2 (minute or day, in UTC) of the moment $3 or of now, on behalf of
-- the event $5. The commit waits for no disk: what a crash of the server forgets is a moment's use.
-- Called by: count_use. Locks: the row. Index: quotas_pkey.
INSERT INTO quotas AS q (name, starts_at, used, opened_by)
SELECT $1::text, date_trunc($2::text, coalesce($3::timestamptz, clock_timestamp()), 'UTC'),
       $4::bigint, $5::bigint
    ON CONFLICT (name, starts_at) DO UPDATE SET used = q.used + excluded.used
RETURNING used, opened_by, starts_at + ('1 ' || $2)::interval AS ends_at,
          greatest(0, extract(epoch FROM starts_at + ('1 ' || $2)::interval - clock_timestamp())
                      * 1000000)::bigint AS left_micros,
          set_config('synchronous_commit', 'off', true)
