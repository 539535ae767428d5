-- Live jobs by kind and state.
-- Called by: stats. Locks: none. Index: none; reads the whole live table, which is narrow.
SELECT kind, state, count(*) AS jobs, clock_timestamp() AS at,
       (extract(epoch FROM clock_timestamp() - min(run_at)) * 1000)::bigint AS oldest_ms
  FROM jobs GROUP BY kind, state ORDER BY kind, state
