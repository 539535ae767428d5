-- Live jobs by kind and state.
-- Called by: stats. Locks: none. Index: none; reads the whole live table, which is narrow.
SELECT kind, job_state(state) AS state, count(*) AS jobs,
       (extract(epoch FROM clock_timestamp() - min(occurred_at)) * 1000)::bigint AS oldest_ms
  FROM jobs GROUP BY kind, state ORDER BY kind, state
