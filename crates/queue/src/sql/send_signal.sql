-- Tells a job something, once for each key, and wakes it if it sleeps for that.
-- Called by: signal, after hold_live with a fresh snapshot: the job either sleeps already or will find
-- the signal when it is about to. Locks: the job's row, held already. Index: jobs_pkey, signals_pkey,
-- waits_pkey.
WITH live AS (
    SELECT event_id, occurred_at, generation FROM jobs WHERE event_id = $1
), mailbox AS (
    SELECT count(*) AS signals, coalesce(max(s.number), 0) AS last,
           coalesce(bool_or(s.key = $3), false) AS known
      FROM live l
      JOIN signals s ON s.occurred_at = l.occurred_at AND s.event_id = l.event_id
                    AND s.generation = l.generation
), kept AS (
    INSERT INTO signals (occurred_at, event_id, generation, number, key, name, payload)
    SELECT l.occurred_at, l.event_id, l.generation, m.last + 1, $3, $2, $4
      FROM live l, mailbox m
     WHERE NOT m.known AND m.signals < $5
    RETURNING event_id
), woken AS (
    UPDATE jobs j
       SET state = CASE WHEN j.lane IS NULL THEN 'r' ELSE 'w' END::"char", head = j.lane IS NULL,
           position = CASE WHEN j.lane IS NULL THEN line_front() ELSE micros(clock_timestamp()) END
      FROM kept k
      JOIN waits w ON w.event_id = k.event_id AND w.signal = $2
     WHERE j.event_id = k.event_id AND j.token = w.token AND j.state = 's'
    RETURNING j.event_id
), over AS (
    DELETE FROM waits WHERE event_id = ANY (ARRAY(SELECT event_id FROM woken))
)
SELECT EXISTS (SELECT FROM kept) AS kept, EXISTS (SELECT FROM woken) AS woken, m.known, m.signals
  FROM mailbox m
