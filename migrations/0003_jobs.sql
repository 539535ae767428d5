-- The live work, and who does it. States mirror event::JobState; a test compares the two.

-- Fencing tokens. Uncached: a later claim's token is higher, whichever session drew it.
CREATE SEQUENCE job_tokens AS bigint;

-- The front of the line: the highest position that was ever claimed. A sequence, because its value
-- is read and raised without a row version and without waiting; it never decides anything alone.
CREATE SEQUENCE job_line AS bigint;

-- Where a job that becomes ready now goes in line: next.
CREATE FUNCTION line_front() RETURNS bigint
LANGUAGE sql VOLATILE
RETURN (SELECT last_value + 1 FROM job_line);

-- A moment as microseconds since 1970, as `jobs.position` counts those of waiting jobs.
CREATE FUNCTION micros(at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM at) * 1000000)::bigint;

-- The moment of a position; NULL for one that no time ends.
CREATE FUNCTION from_micros(at bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN at < 253402300800000000
            THEN timestamptz 'epoch' + at / 1000000 * INTERVAL '1 second'
                                     + at % 1000000 * INTERVAL '1 microsecond' END;

-- A live job's state in words.
CREATE FUNCTION job_state(state "char") RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE state WHEN 'w' THEN 'waiting' WHEN 'r' THEN 'ready'
                  WHEN 'x' THEN 'running' WHEN 's' THEN 'suspended' END;

-- One heartbeat row for each life of a worker; a job's lease is its holder's.
CREATE TABLE workers (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text        NOT NULL,
    version     text        NOT NULL,
    slots       integer     NOT NULL CHECK (slots > 0),
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until timestamptz NOT NULL,
    -- When its lease was taken away, and when it ended by itself: either way it claims no more.
    fenced_at   timestamptz,
    stopped_at  timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE workers IS 'One heartbeat row for each incarnation of a worker.';
CREATE INDEX workers_live ON workers (lease_until) WHERE fenced_at IS NULL AND stopped_at IS NULL;
-- Serves the reaper's frequent look.
CREATE INDEX workers_over ON workers (greatest(fenced_at, stopped_at))
    WHERE fenced_at IS NOT NULL OR stopped_at IS NOT NULL;

-- One row: since when the database has been there without a break, as far as anyone knows. Unlogged,
-- so that a crash empties it (one that only resets the sessions too, which leaves the server's start
-- as it was); a clean restart shows in the server's start. While an outage lasts nobody can renew a
-- lease: after it every lease stands for one more period, or the outage would charge an attempt to
-- all that ran.
CREATE UNLOGGED TABLE uptime (
    one        boolean     PRIMARY KEY DEFAULT true CHECK (one),
    -- pg_postmaster_start_time() when somebody looked.
    started_at timestamptz NOT NULL,
    -- When somebody first found the database back.
    back_at    timestamptz NOT NULL
);
COMMENT ON TABLE uptime IS 'One row: since when the database is back from its last outage.';
INSERT INTO uptime (started_at, back_at) VALUES (pg_postmaster_start_time(), '-infinity');

-- Narrow, without payload: this table is rewritten at every step of a job's life. A job leaves it
-- for `outcomes` when it ends. Zero or one row for each event.
CREATE TABLE jobs (
    event_id         bigint      PRIMARY KEY,
    occurred_at      timestamptz NOT NULL,
    -- Ready: its place in line, the front plus what its tenant's fair share puts it back. Waiting
    -- or suspended: when it is due, in microseconds since 1970 by the database's clock; the highest
    -- number when no time wakes it.
    position         bigint      NOT NULL CHECK (position >= 0),
    lane_order       bigint      NOT NULL DEFAULT 0,
    lane             bigint,
    token            bigint,
    holder           bigint,
    claimed_at       timestamptz,
    -- When it is worth nothing any more, if nobody has begun it by then.
    expires_at       timestamptz,
    generation       integer     NOT NULL DEFAULT 0 CHECK (generation >= 0),
    attempts         integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    priority         smallint    NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1 AND 1),
    state            "char"      NOT NULL,
    -- First in its lane; a job without a lane is always first.
    head             boolean     NOT NULL,
    cancel_requested boolean     NOT NULL DEFAULT false,
    -- Another job waits for its end.
    child            boolean     NOT NULL DEFAULT false,
    -- It works on other bytes than the log's: see payloads.
    amended          boolean     NOT NULL DEFAULT false,
    kind             text        NOT NULL,
    CONSTRAINT jobs_state CHECK (state IN ('w', 'r', 'x', 's')),
    CONSTRAINT jobs_running_is_held CHECK (
        CASE WHEN state = 'x'
             THEN head AND holder IS NOT NULL AND claimed_at IS NOT NULL AND token IS NOT NULL AND attempts > 0
             ELSE holder IS NULL AND claimed_at IS NULL END),
    CONSTRAINT jobs_ready_is_head CHECK (state <> 'r' OR head),
    CONSTRAINT jobs_suspended_frees_its_lane CHECK (state <> 's' OR NOT head),
    CONSTRAINT jobs_without_lane_is_head CHECK (lane IS NOT NULL OR head OR state = 's'),
    CONSTRAINT jobs_expiry_finite CHECK (isfinite(expires_at))
) WITH (
    fillfactor = 70,
    -- Dead rows slow every claim, so vacuum comes by count rather than by share.
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
COMMENT ON TABLE jobs IS 'The live work; ended jobs are in outcomes.';
-- At most one job of a lane is claimable or running: the backstop of the lane rules.
CREATE UNIQUE INDEX jobs_lane_head ON jobs (lane) WHERE head AND lane IS NOT NULL;
-- Serves the claim.
CREATE INDEX jobs_ready ON jobs (priority, position) WHERE state = 'r';
-- Serves the sweep.
CREATE INDEX jobs_due ON jobs (position) WHERE state = 'w' AND head;
-- Serves the choice of a lane's next head.
CREATE INDEX jobs_lane_next ON jobs (lane, lane_order, event_id) WHERE state = 'w' AND NOT head;
-- Serves the reaper.
CREATE INDEX jobs_held ON jobs (holder) WHERE state = 'x';
-- Serves the look for call-offs, every second: under a held snapshot jobs_held lists all that a worker
-- ever claimed.
CREATE INDEX jobs_called_off ON jobs (holder) WHERE state = 'x' AND cancel_requested;
-- Serves the expiry of what nobody began in time.
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE expires_at IS NOT NULL AND state <> 'x';

-- Jobs made and ended, a row for each transaction that did; never updated, so that no two
-- transactions meet here and a held snapshot makes nothing slower. Folded into `job_totals`.
CREATE TABLE job_flow (
    made      integer NOT NULL DEFAULT 0,
    done      integer NOT NULL DEFAULT 0,
    dead      integer NOT NULL DEFAULT 0,
    cancelled integer NOT NULL DEFAULT 0,
    expired   integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE job_flow IS 'Jobs made and ended since job_totals was last brought up to date.';
CREATE TABLE job_totals (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    made      bigint  NOT NULL DEFAULT 0,
    done      bigint  NOT NULL DEFAULT 0,
    dead      bigint  NOT NULL DEFAULT 0,
    cancelled bigint  NOT NULL DEFAULT 0,
    expired   bigint  NOT NULL DEFAULT 0
);
COMMENT ON TABLE job_totals IS 'Jobs ever made and ended, up to the last fold of job_flow.';
INSERT INTO job_totals DEFAULT VALUES;

-- What was made must be somewhere: made = live + ended, counted in one snapshot.
CREATE FUNCTION conservation()
RETURNS TABLE (made bigint, waiting bigint, ready bigint, running bigint, suspended bigint,
               done bigint, dead bigint, cancelled bigint, expired bigint, balanced boolean)
LANGUAGE sql STABLE AS $$
    WITH live AS (
        SELECT count(*) FILTER (WHERE state = 'w') AS waiting,
               count(*) FILTER (WHERE state = 'r') AS ready,
               count(*) FILTER (WHERE state = 'x') AS running,
               count(*) FILTER (WHERE state = 's') AS suspended,
               count(*) AS jobs
          FROM jobs
    ), ended AS (
        SELECT t.made + coalesce(sum(f.made), 0)::bigint AS made,
               t.done + coalesce(sum(f.done), 0)::bigint AS done,
               t.dead + coalesce(sum(f.dead), 0)::bigint AS dead,
               t.cancelled + coalesce(sum(f.cancelled), 0)::bigint AS cancelled,
               t.expired + coalesce(sum(f.expired), 0)::bigint AS expired
          FROM job_totals t LEFT JOIN job_flow f ON true
         GROUP BY t.one
    )
    SELECT e.made, l.waiting, l.ready, l.running, l.suspended, e.done, e.dead, e.cancelled,
           e.expired, e.made = l.jobs + e.done + e.dead + e.cancelled + e.expired
      FROM live l, ended e
$$;
