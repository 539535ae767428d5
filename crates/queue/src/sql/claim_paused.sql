-- What claim does, while anything is paused: looks at up to $2 ready jobs, claims those that are not
-- paused and sets the others aside, so that the next look does not meet them again: waiting, heads of
-- their lanes still, at 2^62 more than their place, which no time reaches. While the fleet is paused it
-- touches nothing.
-- Called by: claim and exchange, after a claim that met a pause. Locks: as claim.
-- Index: jobs_ready, events_pkey.
WITH standing AS MATERIALIZED (
    SELECT FROM workers
     WHERE id = $1 AND fenced_at IS NULL AND stopped_at IS NULL AND lease_until > clock_timestamp()
       AND NOT EXISTS (SELECT FROM pauses WHERE scope = 'fleet')
), looked AS (
    UPDATE jobs
       SET (state, position, attempts, token, holder, claimed_at) = (
            SELECT CASE WHEN aside THEN 'w' ELSE 'x' END::"char",
                   CASE WHEN aside THEN jobs.position + 4611686018427387904 ELSE jobs.position END,
                   jobs.attempts + (NOT aside)::integer,
                   CASE WHEN aside THEN jobs.token ELSE nextval('job_tokens') END,
                   CASE WHEN NOT aside THEN $1::bigint END,
                   CASE WHEN NOT aside THEN clock_timestamp() END
              FROM (SELECT EXISTS (SELECT FROM pauses p
                                    WHERE p.kind = jobs.kind OR p.lane = jobs.lane
                                       OR p.event_id = jobs.event_id) AS aside) AS s)
     WHERE ctid = ANY (ARRAY(
            SELECT picked.ctid
              FROM unnest($3::smallint[], $4::bigint[]) AS line (priority, mark)
             CROSS JOIN LATERAL (
                    SELECT j.ctid FROM jobs j
                     WHERE j.state = 'r' AND j.priority = line.priority
                       AND j.position > line.mark
                       AND (j.expires_at IS NULL OR j.expires_at > clock_timestamp())
                     ORDER BY j.position LIMIT $2
                       FOR UPDATE SKIP LOCKED) AS picked
             WHERE EXISTS (SELECT FROM standing)
             LIMIT $2))
    RETURNING event_id, occurred_at, generation, attempts, token, lane, child, kind, priority, position,
              amended, state
)
SELECT c.event_id, c.occurred_at, c.generation, c.attempts, c.token, c.lane, c.child, c.kind,
       c.priority, c.position,
       (SELECT setval('job_line', greatest(max(position), (SELECT last_value FROM job_line)))
          FROM looked WHERE state = 'x' HAVING count(*) > 0) AS front,
       e.source, e.tenant, e.actor, e.lane_name, e.correlation_id, e.raw, e.received_at, c.amended,
       c.state = 'w' AS aside
  FROM looked c
  LEFT JOIN events e ON c.state = 'x' AND e.occurred_at = c.occurred_at AND e.id = c.event_id
       AND e.occurred_at BETWEEN coalesce($5::timestamptz, '-infinity')
                             AND coalesce($6::timestamptz, 'infinity')
 ORDER BY c.priority, c.position
