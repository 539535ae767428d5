-- What people may do, what they thought of an answer, and whether anybody listened while they spoke.

-- Where events come from, and when somebody last listened there.
CREATE TABLE sources (
    name     text        PRIMARY KEY CHECK (name <> ''),
    heard_at timestamptz NOT NULL CHECK (isfinite(heard_at))
);
COMMENT ON TABLE sources IS 'Where events come from, and when somebody last listened.';

-- Times in which events of a source may have been missed, to be read up there. At most one of a source
-- is open; what is missed while one is being read is kept beside it and read next.
CREATE TABLE gaps (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source     text        NOT NULL CHECK (source <> ''),
    -- Who reads it: each reader that takes it over gets the next token.
    token      bigint      NOT NULL DEFAULT 0,
    opened_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- From when on events may be missing.
    since      timestamptz NOT NULL CHECK (isfinite(since)),
    -- The same, of what was missed meanwhile; read once this is done.
    next_since timestamptz CHECK (isfinite(next_since)),
    -- Not to be read before.
    ready_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Until when it is some reader's.
    held_until timestamptz,
    closed_at  timestamptz,
    -- Events that were found missing.
    found      bigint      NOT NULL DEFAULT 0 CHECK (found >= 0),
    -- How far reading is, in the reader's own order.
    done_until text        NOT NULL DEFAULT ''
);
COMMENT ON TABLE gaps IS 'Times in which events may have been missed.';
CREATE UNIQUE INDEX gaps_open ON gaps (source) WHERE closed_at IS NULL;

-- What somebody is beside an ordinary person.
CREATE TABLE standings (
    tenant   text        NOT NULL,
    actor    text        NOT NULL,
    standing text        NOT NULL CONSTRAINT standings_standing CHECK (
        standing IN ('admin', 'ignored')),
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    given_by text        NOT NULL,
    CONSTRAINT standings_pkey PRIMARY KEY (tenant, actor)
);
COMMENT ON TABLE standings IS 'Who may command, and who is ignored.';

-- What people thought of an event's answer; of each person the last word.
CREATE TABLE feedback (
    occurred_at timestamptz NOT NULL,
    event_id    bigint      NOT NULL,
    given_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor       text        NOT NULL,
    good        boolean     NOT NULL,
    -- In their own words.
    remark      text,
    CONSTRAINT feedback_pkey PRIMARY KEY (occurred_at, event_id, actor)
);
COMMENT ON TABLE feedback IS 'What people thought of an event''s answer.';
SELECT storage_by_day('feedback');
SELECT storage_compress('feedback', 'occurred_at, event_id');
SELECT storage_add_partitions();
