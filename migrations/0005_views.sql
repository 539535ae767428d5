-- Plain answers to plain questions.

-- A frame as JSON, for reading: NULs become U+FFFD; what is no JSON becomes NULL.
CREATE FUNCTION event_payload(raw bytea) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN replace(convert_from(raw, 'UTF8'), '\u0000', '\ufffd')::jsonb;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- Every ended attempt: those that their jobs outlived, and the last of each ended job.
CREATE VIEW attempt_history AS
SELECT occurred_at, event_id, generation, number, token, worker_id, started_at, ended_at, outcome,
       error, input_tokens, output_tokens
  FROM attempts
UNION ALL
SELECT occurred_at, event_id, generation, attempts, token, worker_id, started_at, ended_at, outcome,
       error, input_tokens, output_tokens
  FROM outcomes
 WHERE outcome IS NOT NULL;

-- Events whose newest job died and that nobody has replayed since.
CREATE VIEW dead_letters AS
SELECT o.event_id AS id, o.occurred_at, o.generation, o.kind, e.tenant, e.actor, e.lane_name,
       o.attempts, o.error, o.ended_at, e.correlation_id
  FROM outcomes o
  JOIN events e ON e.occurred_at = o.occurred_at AND e.id = o.event_id
 WHERE o.state = 'dead'
   AND NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = o.event_id)
   AND NOT EXISTS (SELECT FROM outcomes later
                    WHERE later.occurred_at = o.occurred_at AND later.event_id = o.event_id
                      AND later.generation > o.generation);

-- Events and their newest jobs as the one table that a simple queue would have.
CREATE VIEW classic_events AS
SELECT e.id,
       e.kind AS event_type,
       event_payload(e.raw) AS payload,
       coalesce(job_state(j.state), o.state,
                CASE WHEN e.quarantine_reason IS NULL THEN 'stored' ELSE 'quarantined' END) AS status,
       CASE WHEN j.state = 'x' THEN w.lease_until
            WHEN j.state = 'w' THEN from_micros(j.position) END AS visibility_timeout,
       w.name AS claimed_by,
       greatest(coalesce(j.attempts, o.attempts, 0) - 1, 0) AS retry_count,
       e.received_at AS created_at,
       CASE WHEN j.event_id IS NULL THEN o.ended_at END AS processed_at
  FROM events e
  LEFT JOIN jobs j ON j.event_id = e.id AND j.occurred_at = e.occurred_at
  LEFT JOIN workers w ON w.id = j.holder
  LEFT JOIN LATERAL (
        SELECT state, attempts, ended_at FROM outcomes
         WHERE occurred_at = e.occurred_at AND event_id = e.id
         ORDER BY generation DESC LIMIT 1) o ON true;

-- Where every event stands: its live job's state, else how its newest job ended, else why it has
-- none. Serves the lists of `athenaeum events`.
CREATE VIEW event_summaries AS
SELECT e.occurred_at, e.id, e.source, e.kind, e.tenant, e.actor, e.lane_name, e.received_at,
       coalesce(job_state(j.state), o.state,
                CASE WHEN e.quarantine_reason IS NULL THEN 'stored' ELSE 'quarantined' END) AS state,
       coalesce(j.generation, o.generation, 0) AS generation,
       coalesce(j.attempts, o.attempts, 0) AS attempts,
       CASE WHEN j.state IN ('w', 's') THEN from_micros(j.position) END AS run_at,
       CASE WHEN j.event_id IS NULL THEN o.ended_at END AS ended_at,
       CASE WHEN o.error IS NULL AND e.quarantine_reason IS NOT NULL
            THEN jsonb_build_array(e.quarantine_reason)
            WHEN j.event_id IS NULL THEN o.error
            ELSE (SELECT a.error FROM attempts a
                   WHERE a.occurred_at = e.occurred_at AND a.event_id = e.id
                     AND a.generation = j.generation
                   ORDER BY a.token DESC LIMIT 1) END AS error
  FROM events e
  LEFT JOIN jobs j ON j.event_id = e.id AND j.occurred_at = e.occurred_at
  LEFT JOIN LATERAL (
        SELECT state, generation, attempts, ended_at, error FROM outcomes
         WHERE occurred_at = e.occurred_at AND event_id = e.id
         ORDER BY generation DESC LIMIT 1) o ON true;
