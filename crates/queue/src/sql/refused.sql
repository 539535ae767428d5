-- How much longer the bucket $1 is closed; no row when it is not.
-- Called by: refused. Locks: none. Index: limits_pkey.
SELECT (extract(epoch FROM refused_until - clock_timestamp()) * 1000000)::bigint AS left_micros
  FROM limits
 WHERE name = $1 AND refused_until > clock_timestamp()
