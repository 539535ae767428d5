-- Makes ready what was set aside and is covered by no pause any more, in the order of the places
-- that it had, at the front of the line: at most $4 rows are looked at, from the one at $1, $2 on.
-- $3 have been freed before by the same caller and go first. What was set aside waits at 2^62 more
-- than its old place, where no time wakes it.
-- Called by: resume, and sweep for whatever a claim set aside while a resume was under way or what a
-- resume that was cut off left behind. Without a row everything was looked at. Locks: the rows,
-- skipping locked ones; like the sweep it needs no lane lock, as heads stay heads. Index: jobs_due.
WITH looked AS MATERIALIZED (
    SELECT event_id, position FROM jobs
     WHERE state = 'w' AND head
       AND position >= 4611686018427387904 AND position < 9223372036854775807
       AND (position, event_id) > ($1::bigint, $2::bigint)
     ORDER BY position, event_id LIMIT $4::bigint
), freeable AS MATERIALIZED (
    -- One look by number for each, as in finish.
    SELECT l.event_id, l.position
      FROM looked l
     CROSS JOIN LATERAL (
            SELECT j.state, j.head, j.position, j.kind, j.lane FROM jobs j
             WHERE j.event_id = l.event_id
             LIMIT 1 FOR UPDATE SKIP LOCKED) AS found
     WHERE found.state = 'w' AND found.head AND found.position = l.position
       AND NOT EXISTS (SELECT FROM pauses p
                        WHERE p.scope = 'fleet' OR p.kind = found.kind OR p.lane = found.lane
                           OR p.event_id = l.event_id)
), placed AS (
    SELECT event_id, row_number() OVER (ORDER BY position, event_id) AS rank FROM freeable
), freed AS (
    UPDATE jobs j
       SET state = 'r', position = (SELECT line_front()) + $3::bigint + p.rank
      FROM placed p
     WHERE j.event_id = p.event_id
    RETURNING j.event_id
)
SELECT position AS last_position, event_id AS last_event_id, (SELECT count(*) FROM freed) AS freed
  FROM looked
 ORDER BY position DESC, event_id DESC LIMIT 1
