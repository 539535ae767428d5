-- Lets a running job sleep: uncharged, without its lane, until $3 microseconds have passed (NULL: no
-- time), a signal named $4 or the fan-in of group $5. If what it waits for has come already, it is
-- ready again at once, still at the head of its lane.
-- Called by: settle, after hold, in a statement of its own: whoever told the job anything before that
-- has committed, and whoever does so later finds it asleep. promote_heads follows. Locks: the job's
-- row, held already. Index: jobs_pkey, signals_pkey, fan_ins_pkey, waits_pkey.
WITH held AS (
    SELECT * FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x'
), recorded AS (
    INSERT INTO attempts (occurred_at, event_id, generation, number, token, worker_id, started_at,
                          outcome, error)
    SELECT occurred_at, event_id, generation, attempts, token, holder, claimed_at, $6, $7 FROM held
), come AS MATERIALIZED (
    SELECT coalesce($3::bigint <= 0, false)
        -- A signal that this attempt has not read.
        OR EXISTS (SELECT FROM signals s
                    WHERE s.occurred_at = h.occurred_at AND s.event_id = h.event_id
                      AND s.generation = h.generation AND s.name = $4
                      AND s.seen_by IS DISTINCT FROM $2)
        OR EXISTS (SELECT FROM fan_ins f
                    WHERE f.event_id = h.event_id AND f.generation = h.generation
                      AND f.child_group = $5 AND f.completed_at IS NOT NULL) AS already
      FROM held h
), asleep AS (
    INSERT INTO waits (event_id, token, signal, child_group)
    SELECT h.event_id, h.token, $4, $5 FROM held h, come
     WHERE NOT come.already AND ($4::text IS NOT NULL OR $5::text IS NOT NULL)
    ON CONFLICT (event_id) DO UPDATE
       SET token = excluded.token, since = excluded.since, signal = excluded.signal,
           child_group = excluded.child_group
)
UPDATE jobs j
   SET state = CASE WHEN come.already THEN 'r' ELSE 's' END::"char",
       head = come.already,
       position = CASE WHEN come.already THEN line_front()
                       ELSE coalesce(micros(clock_timestamp()) + $3::bigint, 9223372036854775807) END,
       attempts = attempts - 1, holder = NULL, claimed_at = NULL
  FROM come
 WHERE j.event_id = $1 AND j.token = $2 AND j.state = 'x'
RETURNING j.state = 's' AS suspended
