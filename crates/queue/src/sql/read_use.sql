-- What was counted to the quota $1 in the $2 (minute or day, in UTC) of the moment $3 or of now.
-- Called by: used. Locks: none. Index: quotas_pkey.
SELECT coalesce(q.used, 0) AS used, q.opened_by, w.ends_at,
       greatest(0, extract(epoch FROM w.ends_at - clock_timestamp()) * 1000000)::bigint AS left_micros
  FROM (SELECT starts_at, starts_at + ('1 ' || $2)::interval AS ends_at
          FROM (SELECT date_trunc($2::text, coalesce($3::timestamptz, clock_timestamp()), 'UTC')
                       AS starts_at) AS s) AS w
  LEFT JOIN quotas q ON q.name = $1::text AND q.starts_at = w.starts_at
