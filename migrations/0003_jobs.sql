-- The live work, and who does it. States mirror event::JobState; a test compares the two.

CREATE SEQUENCE job_positions AS bigint;
CREATE SEQUENCE job_tokens AS bigint;

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

-- Narrow, without payload: this table is rewritten at every step of a job's life. A job leaves it
-- for `outcomes` when it ends. Zero or one row for each event.
CREATE TABLE jobs (
    event_id         bigint      PRIMARY KEY,
    occurred_at      timestamptz NOT NULL,
    run_at           timestamptz NOT NULL,
    position         bigint      NOT NULL DEFAULT nextval('job_positions'),
    tenant           bigint      NOT NULL,
    lane             bigint,
    lane_order       bigint      NOT NULL DEFAULT 0,
    token            bigint,
    holder           bigint,
    claimed_at       timestamptz,
    generation       integer     NOT NULL DEFAULT 0 CHECK (generation >= 0),
    attempts         integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    priority         smallint    NOT NULL DEFAULT 0,
    -- First in its lane; a job without a lane is always first.
    head             boolean     NOT NULL,
    cancel_requested boolean     NOT NULL DEFAULT false,
    state            text        NOT NULL,
    kind             text        NOT NULL,
    CONSTRAINT jobs_state CHECK (state IN ('waiting', 'ready', 'running', 'suspended')),
    CONSTRAINT jobs_running_is_held CHECK (
        CASE WHEN state = 'running'
             THEN head AND holder IS NOT NULL AND claimed_at IS NOT NULL AND token IS NOT NULL AND attempts > 0
             ELSE holder IS NULL AND claimed_at IS NULL END),
    CONSTRAINT jobs_ready_is_head CHECK (state <> 'ready' OR head),
    CONSTRAINT jobs_suspended_frees_its_lane CHECK (state <> 'suspended' OR NOT head),
    CONSTRAINT jobs_without_lane_is_head CHECK (lane IS NOT NULL OR head OR state = 'suspended'),
    CONSTRAINT jobs_run_at_finite CHECK (isfinite(run_at))
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
CREATE INDEX jobs_ready ON jobs (priority, position) WHERE state = 'ready';
-- Serves the sweep.
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'waiting' AND head;
-- Serves the choice of a lane's next head.
CREATE INDEX jobs_lane_next ON jobs (lane, lane_order, event_id) WHERE state = 'waiting' AND NOT head;
-- Serves the reaper and the cancellation poll.
CREATE INDEX jobs_held ON jobs (holder) WHERE state = 'running';
