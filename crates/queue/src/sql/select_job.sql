-- An event's live job.
-- Called by: event. Locks: none. Index: jobs_pkey, workers_pkey.
SELECT j.generation, job_state(j.state) AS state, j.kind, j.head, j.attempts, from_micros(j.position) AS run_at, j.token, w.name AS worker,
       j.claimed_at, j.cancel_requested
  FROM jobs j LEFT JOIN workers w ON w.id = j.holder
 WHERE j.event_id = $1
