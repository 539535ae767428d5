-- Running jobs of workers whose lease was taken away or given up within the last $2 ms.
-- Called by: take_back, which settles each under its lane's lock and its token. Locks: none. It does not
-- look at what the living hold: under a held snapshot that index lists all that they ever claimed.
-- Index: workers_over, jobs_held.
SELECT j.event_id, j.occurred_at, j.generation, j.attempts, j.token, j.lane, j.child, j.kind
  FROM jobs j
 WHERE j.state = 'x'
   AND j.holder = ANY (ARRAY(
        SELECT w.id FROM workers w
         WHERE (w.fenced_at IS NOT NULL OR w.stopped_at IS NOT NULL)
           AND greatest(w.fenced_at, w.stopped_at)
               > clock_timestamp() - $2::bigint * INTERVAL '1 millisecond'))
 LIMIT $1
