-- Makes ready the heads whose time has come, at fresh positions.
-- Called by: claim and sweep. Locks: the rows, skipping locked ones. Index: jobs_due.
UPDATE jobs
   SET state = 'ready', position = nextval('job_positions')
 WHERE event_id = ANY (ARRAY(
        SELECT event_id FROM jobs
         WHERE state = 'waiting' AND head AND run_at <= clock_timestamp()
         ORDER BY run_at LIMIT $1
           FOR UPDATE SKIP LOCKED))
