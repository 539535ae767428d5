-- What operators steer the engine with: pauses, schedules, shared limits, edited payloads.

-- What may not start. While this table has a row, claims set aside the ready jobs that one of its
-- rows covers; a resume takes the row away and gives them back. Few rows, read by every claim.
CREATE TABLE pauses (
    scope    text        NOT NULL CONSTRAINT pauses_scope CHECK (
        scope IN ('fleet', 'kind', 'lane', 'event')),
    -- The kind's or the lane's name, the event's number; empty for the fleet.
    name     text        NOT NULL,
    kind     text,
    lane     bigint,
    event_id bigint,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor    text        NOT NULL,
    reason   text        NOT NULL,
    PRIMARY KEY (scope, name),
    CONSTRAINT pauses_name_one_thing CHECK (
        CASE scope WHEN 'fleet' THEN num_nonnulls(kind, lane, event_id) = 0 AND name = ''
                   WHEN 'kind'  THEN kind IS NOT NULL AND num_nonnulls(lane, event_id) = 0
                   WHEN 'lane'  THEN lane IS NOT NULL AND num_nonnulls(kind, event_id) = 0
                   WHEN 'event' THEN event_id IS NOT NULL AND num_nonnulls(kind, lane) = 0 END)
);
COMMENT ON TABLE pauses IS 'What may not start: the fleet, kinds, lanes, events.';

-- Events to come, once or again and again.
CREATE TABLE schedules (
    name          text        PRIMARY KEY CHECK (name <> ''),
    -- A cron line, read in `zone`; NULL for one that fires once.
    cron          text,
    zone          text        NOT NULL,
    -- When it fires next; NULL once it never will again.
    next_at       timestamptz CHECK (isfinite(next_at)),
    -- What was due up to here is dealt with: fired, or passed over for a later run.
    dealt_until   timestamptz NOT NULL CHECK (isfinite(dealt_until)),
    -- The run that was fired last, and the event that it made.
    last_at       timestamptz,
    last_event_at timestamptz,
    last_event_id bigint,
    -- Why the run that was due last made no event.
    error         text,
    -- The event of each run.
    kind          text        NOT NULL,
    tenant        text        NOT NULL,
    actor         text,
    lane          text,
    priority      smallint    NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1 AND 1),
    raw           bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by    text        NOT NULL
);
COMMENT ON TABLE schedules IS 'Events to come, once or by a cron line.';
-- Serves the look for what is due.
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

-- Rates that all processes share. One number says all (the generic cell rate algorithm, ITU-T
-- I.371): the moment at which the bucket would be full again.
CREATE TABLE limits (
    name    text        PRIMARY KEY,
    full_at timestamptz NOT NULL CHECK (isfinite(full_at))
) WITH (fillfactor = 50);
COMMENT ON TABLE limits IS 'Shared rate limits: when each bucket would be full again.';

-- What a generation works on instead of the log's bytes, which never change: edited by an operator for a
-- replay, or by whoever wrote the message before anybody had begun.
CREATE TABLE payloads (
    occurred_at timestamptz NOT NULL,
    event_id    bigint      NOT NULL,
    given_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    generation  integer     NOT NULL CHECK (generation >= 0),
    raw         bytea       NOT NULL,
    CONSTRAINT payloads_pkey PRIMARY KEY (occurred_at, event_id, generation)
);
COMMENT ON TABLE payloads IS 'What jobs work on instead of the log''s bytes.';
SELECT storage_by_day('payloads');
SELECT storage_compress('payloads', 'occurred_at, event_id');
SELECT storage_add_partitions();

-- How much work there is, for whoever scales workers. Cheap however long the queue: it counts 10,000
-- jobs at most, and its caller needs no right to any table.
CREATE FUNCTION queue_depth()
RETURNS TABLE (
    -- Jobs that a worker could claim now; 10,000 stands for that or more.
    ready          bigint,
    -- Jobs that workers hold, and how many the living could hold.
    running        bigint,
    slots          bigint,
    -- How long ago what is first in line happened; NULL when nothing is ready.
    oldest_seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT (SELECT count(*) FROM (
                SELECT FROM jobs WHERE state = 'r' ORDER BY priority, position LIMIT 10000) AS first),
           (SELECT count(*) FROM (
                SELECT FROM jobs WHERE state = 'x' ORDER BY holder LIMIT 10000) AS first),
           (SELECT coalesce(sum(w.slots), 0) FROM workers w
             WHERE fenced_at IS NULL AND stopped_at IS NULL AND lease_until > clock_timestamp()),
           (SELECT extract(epoch FROM clock_timestamp() - occurred_at)::double precision
              FROM jobs WHERE state = 'r' ORDER BY priority, position LIMIT 1)
$$;
COMMENT ON FUNCTION queue_depth() IS 'How much work there is, for autoscaling; see docs/operations.md.';

-- Who may ask for it, and nothing else. Roles belong to the cluster: another database's migration may
-- make it at the same moment, and a role that may not make roles goes without.
DO $$
BEGIN
    -- Otherwise the caller's own temporary tables would stand in for ours.
    EXECUTE format('ALTER FUNCTION queue_depth() SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION queue_depth() FROM PUBLIC;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'athenaeum_readonly') THEN
            CREATE ROLE athenaeum_readonly NOLOGIN;
        END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
        WHEN insufficient_privilege THEN
            RAISE NOTICE 'this role may not create the role athenaeum_readonly: queue_depth() is its own';
    END;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'athenaeum_readonly') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO athenaeum_readonly', current_schema());
        GRANT EXECUTE ON FUNCTION queue_depth() TO athenaeum_readonly;
    END IF;
END
$$;
