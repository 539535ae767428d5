-- Workers that live, or that still hold jobs.
-- Called by: stats. Locks: none. Index: workers_live, jobs_held.
SELECT w.id, w.name, w.version, w.slots, w.started_at, w.lease_until, coalesce(h.running, 0) AS running,
       w.fenced_at IS NULL AND w.stopped_at IS NULL AND w.lease_until > clock_timestamp() AS live
  FROM workers w
  LEFT JOIN (SELECT holder, count(*) AS running FROM jobs WHERE state = 'x' GROUP BY holder) h
         ON h.holder = w.id
 WHERE h.running > 0
    OR (w.fenced_at IS NULL AND w.stopped_at IS NULL AND w.lease_until > clock_timestamp())
 ORDER BY w.id
 LIMIT 1000
