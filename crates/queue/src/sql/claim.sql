-- Claims up to $2 ready jobs for worker $1 and brings their events along.
-- Called by: claim and exchange. Only heads are ever ready, so it needs no lane
-- lock. $3 are the priorities, most urgent first, and $4 the low-water mark of each: under a held
-- snapshot the index still lists what was claimed long ago, and the mark steps over it. Between $5 and
-- $6 the events most likely lie: no other day's partition is opened, and an event of another day is
-- left to claimed_events.
-- Locks: the claimed rows, skipping locked ones; waits for nobody. The array makes the choice once:
-- with IN (SELECT … LIMIT) a nested loop repeats it and claims everything. A row that changed since
-- the snapshot has another address and is left to the next claim.
-- Index: jobs_ready, events_pkey.
WITH standing AS MATERIALIZED (
    -- A worker whose lease has ended gets nothing. While anything is paused, claim_paused serves.
    SELECT FROM workers
     WHERE id = $1 AND fenced_at IS NULL AND stopped_at IS NULL AND lease_until > clock_timestamp()
       AND NOT EXISTS (SELECT FROM pauses)
), claimed AS (
    UPDATE jobs
       SET state = 'x', attempts = attempts + 1, token = nextval('job_tokens'), holder = $1,
           claimed_at = clock_timestamp()
     WHERE ctid = ANY (ARRAY(
            SELECT picked.ctid
              FROM unnest($3::smallint[], $4::bigint[]) AS line (priority, mark)
             CROSS JOIN LATERAL (
                    SELECT j.ctid FROM jobs j
                     WHERE j.state = 'r' AND j.priority = line.priority
                       AND j.position > line.mark
                       -- What has expired is the sweep's.
                       AND (j.expires_at IS NULL OR j.expires_at > clock_timestamp())
                     ORDER BY j.position LIMIT $2
                       FOR UPDATE SKIP LOCKED) AS picked
             WHERE EXISTS (SELECT FROM standing)
             LIMIT $2))
    RETURNING event_id, occurred_at, generation, attempts, token, lane, child, kind, priority, position,
              amended
)
SELECT c.event_id, c.occurred_at, c.generation, c.attempts, c.token, c.lane, c.child, c.kind,
       c.priority, c.position,
       -- Raises the front of the line, once for all rows.
       (SELECT setval('job_line', greatest(max(position), (SELECT last_value FROM job_line)))
          FROM claimed) AS front,
       e.source, e.tenant, e.actor, e.lane_name, e.correlation_id, e.raw, e.received_at, c.amended
  FROM claimed c
  LEFT JOIN events e ON e.occurred_at = c.occurred_at AND e.id = c.event_id
       AND e.occurred_at BETWEEN coalesce($5::timestamptz, '-infinity')
                             AND coalesce($6::timestamptz, 'infinity')
 ORDER BY c.priority, c.position
