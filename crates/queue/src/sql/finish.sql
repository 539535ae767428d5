-- Ends running jobs that went well or were called off: out of the live table, into the history with
-- their last attempts. A job that its token holds no more is left alone and not returned.
-- Called by: exchange, after lock_lanes where one has a lane. Locks: the jobs' rows, in the order
-- given, which is that of their numbers. Index: jobs_pkey.
WITH finished AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[],
                         $6::bigint[], $7::bigint[])
        AS f (event_id, token, state, outcome, reply, input_tokens, output_tokens)
), held AS MATERIALIZED (
    -- One look by number for each: a join would let the planner, who thinks that nothing runs, read
    -- all that runs once for each. LIMIT keeps it from being made one.
    SELECT found.place, f.*
      FROM finished f
     CROSS JOIN LATERAL (
            SELECT j.ctid AS place, j.token, j.state FROM jobs j
             WHERE j.event_id = f.event_id
             LIMIT 1 FOR UPDATE) AS found
     WHERE found.token = f.token AND found.state = 'x'
), ended AS (
    DELETE FROM jobs j USING held h
     WHERE j.ctid = h.place
    RETURNING j.occurred_at, j.event_id, j.generation, j.kind, j.attempts, j.priority, j.token,
              j.holder, j.claimed_at, h.state, h.outcome, h.reply, h.input_tokens, h.output_tokens
), counted AS (
    INSERT INTO job_flow (done, cancelled)
    SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'cancelled')
      FROM ended HAVING count(*) > 0
)
INSERT INTO outcomes (occurred_at, event_id, generation, state, kind, attempts, priority, token,
                      worker_id, started_at, outcome, input_tokens, output_tokens, reply)
SELECT occurred_at, event_id, generation, state, kind, attempts, priority, token, holder, claimed_at,
       outcome, input_tokens, output_tokens, reply
  FROM ended
RETURNING event_id, token
