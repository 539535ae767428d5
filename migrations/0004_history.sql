-- What became of jobs. All by the event's day, so that an event and its history go together.
-- No foreign keys: a key into a partitioned table would pin its partitions.

-- One row for each attempt that did not end its job, written when it ends; the one that did is part
-- of its outcome. The view `attempt_history` shows all. The token tells attempts apart: a drained
-- attempt's number is used again.
CREATE TABLE attempts (
    occurred_at   timestamptz NOT NULL,
    event_id      bigint      NOT NULL,
    token         bigint      NOT NULL,
    worker_id     bigint,
    started_at    timestamptz NOT NULL,
    ended_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    input_tokens  bigint,
    output_tokens bigint,
    generation    integer     NOT NULL,
    number        integer     NOT NULL CHECK (number > 0),
    outcome       text        NOT NULL CONSTRAINT attempts_outcome CHECK (
        outcome IN ('failed', 'rate_limited', 'released', 'lost', 'suspended', 'parked')),
    error         jsonb,
    CONSTRAINT attempts_pkey PRIMARY KEY (occurred_at, event_id, generation, token)
);
COMMENT ON TABLE attempts IS 'One row for each attempt that did not end its job.';
SELECT storage_by_day('attempts');
SELECT storage_compress('attempts', 'occurred_at, event_id');

-- One row for each ended job, its last attempt included where it had one. States mirror
-- event::TerminalState; a test compares the two.
CREATE TABLE outcomes (
    occurred_at   timestamptz NOT NULL,
    event_id      bigint      NOT NULL,
    ended_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Of the last attempt. A job that was called off or expired before any has none of these four.
    token         bigint,
    worker_id     bigint,
    started_at    timestamptz,
    input_tokens  bigint,
    output_tokens bigint,
    generation    integer     NOT NULL,
    attempts      integer     NOT NULL,
    -- The job's; a replay has it too.
    priority      smallint    NOT NULL DEFAULT 0,
    state         text        NOT NULL CONSTRAINT outcomes_state CHECK (
        state IN ('done', 'dead', 'cancelled', 'expired')),
    -- What the last attempt's handler reported, or what became of it.
    outcome       text        CONSTRAINT outcomes_outcome CHECK (
        outcome IN ('done', 'failed', 'refused', 'cancelled', 'lost', 'released', 'rate_limited',
                    'suspended', 'parked')),
    kind          text        NOT NULL,
    error         jsonb,
    reply         jsonb,
    CONSTRAINT outcomes_pkey PRIMARY KEY (occurred_at, event_id, generation),
    CONSTRAINT outcomes_attempt_is_whole CHECK (
        (outcome IS NULL) = (token IS NULL) AND (outcome IS NULL) = (started_at IS NULL))
);
COMMENT ON TABLE outcomes IS 'One row for each ended job: its generation''s end.';
SELECT storage_by_day('outcomes');
-- Serves dead letters and every list by an unhappy end.
CREATE INDEX outcomes_unhappy ON outcomes (state, occurred_at, event_id) WHERE state <> 'done';
SELECT storage_compress('outcomes', 'occurred_at, event_id');

-- Outward acts: the intent before, the result after.
CREATE TABLE effects (
    occurred_at timestamptz NOT NULL,
    event_id    bigint      NOT NULL,
    token       bigint      NOT NULL,
    intended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deadline_at timestamptz NOT NULL,
    done_at     timestamptz,
    generation  integer     NOT NULL,
    slot        text        NOT NULL,
    key         text        NOT NULL,
    state       text        NOT NULL CONSTRAINT effects_state CHECK (state IN ('intended', 'done')),
    result      text,
    target      jsonb       NOT NULL,
    CONSTRAINT effects_done_has_result CHECK (
        (state = 'done') = (result IS NOT NULL) AND (state = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT effects_pkey PRIMARY KEY (occurred_at, event_id, generation, slot)
);
COMMENT ON TABLE effects IS 'Outward acts with their idempotency keys.';
SELECT storage_by_day('effects');
SELECT storage_compress('effects', 'occurred_at, event_id');

-- What operators did, and why.
CREATE TABLE audit (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor   text        NOT NULL,
    action  text        NOT NULL,
    reason  text,
    subject jsonb       NOT NULL
);
COMMENT ON TABLE audit IS 'Every operator action, append-only.';

SELECT storage_add_partitions();

-- TimescaleDB's own policy would drop a chunk under a live job, so the retention job is ours.
DO $$
BEGIN
    IF (SELECT mode FROM storage) = 'timescale'
       AND current_setting('timescaledb.license', true) = 'timescale' THEN
        CREATE PROCEDURE storage_retention(job_id integer, config jsonb)
        LANGUAGE plpgsql AS 'BEGIN PERFORM storage_apply_retention(); END';
        PERFORM add_job('storage_retention', INTERVAL '1 hour');
    END IF;
END
$$;
