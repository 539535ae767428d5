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

-- What a generation works on instead of the log's bytes, which never change.
CREATE TABLE payloads (
    occurred_at timestamptz NOT NULL,
    event_id    bigint      NOT NULL,
    given_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    generation  integer     NOT NULL CHECK (generation > 0),
    raw         bytea       NOT NULL,
    CONSTRAINT payloads_pkey PRIMARY KEY (occurred_at, event_id, generation)
);
COMMENT ON TABLE payloads IS 'Payloads that operators edited for a replay.';
SELECT storage_by_day('payloads');
SELECT storage_compress('payloads', 'occurred_at, event_id');
SELECT storage_add_partitions();
