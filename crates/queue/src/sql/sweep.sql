-- Makes ready the heads whose time has come, at the front of the line.
-- Called by: claim and sweep. Locks: the rows, skipping locked ones. Index: jobs_due.
UPDATE jobs
   SET state = 'r', position = line_front()
 WHERE event_id = ANY (ARRAY(
        SELECT event_id FROM jobs
         WHERE state = 'w' AND head
           AND position <= (SELECT micros(clock_timestamp()))
         ORDER BY position LIMIT $1
           FOR UPDATE SKIP LOCKED))
