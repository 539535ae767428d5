-- What suspended jobs wait for: signals, children. Those that wait for a time alone have no row here;
-- their time is in `jobs.position`.

-- Serves the sweep's look for those whose time has come. An index of their own, because between them
-- and the present there may be any number of delayed jobs.
CREATE INDEX jobs_asleep ON jobs (position) WHERE state = 's';

-- One row for each job that sleeps until a signal or a fan-in. It counts only together with a
-- suspended job of the same token, so that one left behind wakes nobody.
CREATE TABLE waits (
    event_id    bigint      PRIMARY KEY,
    token       bigint      NOT NULL,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    signal      text,
    child_group text,
    CONSTRAINT waits_for_something CHECK (signal IS NOT NULL OR child_group IS NOT NULL)
);
COMMENT ON TABLE waits IS 'Which signal or children a suspended job sleeps for.';

-- Answers, approvals, cancellations: whatever someone told a job. Kept whether or not it waits.
CREATE TABLE signals (
    occurred_at timestamptz NOT NULL,
    event_id    bigint      NOT NULL,
    sent_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The newest claim that has read it.
    seen_by     bigint,
    generation  integer     NOT NULL,
    -- In the order of arrival, from 1.
    number      integer     NOT NULL CHECK (number > 0),
    key         text        NOT NULL,
    name        text        NOT NULL,
    payload     jsonb       NOT NULL,
    CONSTRAINT signals_pkey PRIMARY KEY (occurred_at, event_id, generation, key)
);
COMMENT ON TABLE signals IS 'What jobs were told, once for each key.';
SELECT storage_by_day('signals');
SELECT storage_compress('signals', 'occurred_at, event_id');

-- One row for each group of children: how many there are, how they ended, when the parent goes on.
-- Not by day: the sweep reads the open ones all the time. Pruned with the log's days.
CREATE TABLE fan_ins (
    occurred_at  timestamptz NOT NULL,
    event_id     bigint      NOT NULL,
    spawned_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When it is complete whatever is missing.
    deadline_at  timestamptz CHECK (isfinite(deadline_at)),
    completed_at timestamptz,
    continued_at timestamptz,
    -- The days that its children lie in.
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    generation   integer     NOT NULL,
    total        integer     NOT NULL CHECK (total BETWEEN 1 AND 10000),
    -- So many must be done; NULL: all must have ended, however.
    needed       integer     CHECK (needed BETWEEN 1 AND total),
    done         integer     NOT NULL DEFAULT 0 CHECK (done >= 0),
    failed       integer     NOT NULL DEFAULT 0 CHECK (failed >= 0),
    -- A column rather than an expression, so that the planner knows how few groups have any.
    living       integer     NOT NULL GENERATED ALWAYS AS (total - done - failed) STORED,
    -- Whether completion calls off those that still live.
    cancel_rest  boolean     NOT NULL,
    child_group  text        NOT NULL,
    completed_by text        CONSTRAINT fan_ins_completed_by CHECK (
        completed_by IN ('children', 'deadline', 'parent')),
    CONSTRAINT fan_ins_pkey PRIMARY KEY (event_id, generation, child_group),
    CONSTRAINT fan_ins_counts CHECK (living >= 0),
    CONSTRAINT fan_ins_completion CHECK ((completed_at IS NULL) = (completed_by IS NULL)),
    CONSTRAINT fan_ins_continue_after CHECK (continued_at IS NULL OR completed_at IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON TABLE fan_ins IS 'Groups of children and how far they are.';
-- Serves the sweep's look for deadlines.
CREATE INDEX fan_ins_open ON fan_ins (deadline_at) WHERE completed_at IS NULL;
-- Serves its looks for parents that have gone and for ends that were not counted.
CREATE INDEX fan_ins_living ON fan_ins (event_id, generation) WHERE living > 0;
-- Serves the one continuation of each parent.
CREATE INDEX fan_ins_complete ON fan_ins (completed_at)
    WHERE completed_at IS NOT NULL AND continued_at IS NULL;
-- Serves the calling off of those that still live.
CREATE INDEX fan_ins_rest ON fan_ins (completed_at)
    WHERE completed_at IS NOT NULL AND cancel_rest AND living > 0;
CREATE INDEX fan_ins_age ON fan_ins USING brin (spawned_at);

-- One row for each child; `state` is set once, in the transaction of its end, and counted with it.
CREATE TABLE children (
    occurred_at timestamptz NOT NULL,
    event_id    bigint      NOT NULL,
    parent_id   bigint      NOT NULL,
    generation  integer     NOT NULL,
    number      integer     NOT NULL,
    child_group text        NOT NULL,
    state       text        CONSTRAINT children_state CHECK (
        state IN ('done', 'dead', 'cancelled', 'expired')),
    CONSTRAINT children_pkey PRIMARY KEY (occurred_at, event_id)
);
COMMENT ON TABLE children IS 'Whose children events are, and how their first generation ended.';
SELECT storage_by_day('children');
-- Serves the family's read-out and the calling off of its rest.
CREATE INDEX children_family ON children (parent_id, generation, child_group, number);
SELECT storage_compress('children', 'occurred_at, event_id');

SELECT storage_add_partitions();

-- Forgets groups whose parents' days are past retention. Returns how many; bounded.
CREATE FUNCTION storage_prune_fan_ins(rows_max integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    pruned integer;
BEGIN
    DELETE FROM fan_ins
     WHERE ctid = ANY (ARRAY(
        SELECT f.ctid FROM fan_ins f
         WHERE f.spawned_at < clock_timestamp()
               - (SELECT make_interval(days => retention_days) FROM storage)
           AND f.continued_at IS NOT NULL
         LIMIT rows_max FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;
