-- The log: what happened, append-only, and the keys by which a happening is known.

CREATE SEQUENCE event_ids AS bigint;

CREATE TABLE events (
    occurred_at       timestamptz NOT NULL CHECK (isfinite(occurred_at)),
    id                bigint      NOT NULL DEFAULT nextval('event_ids'),
    received_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    lane              bigint,
    lane_order        bigint      NOT NULL DEFAULT 0,
    correlation_id    uuid        NOT NULL,
    raw_bytes         bigint      NOT NULL CHECK (raw_bytes >= 0),
    source            text        NOT NULL,
    kind              text        NOT NULL,
    tenant            text        NOT NULL,
    actor             text,
    lane_name         text,
    quarantine_reason text,
    raw_sha256        bytea,
    -- The frame as it came: JSONB refuses what Slack may send (\u0000, lone surrogates).
    raw               bytea       NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (occurred_at, id)
);
COMMENT ON TABLE events IS 'The log: one row for each happening, never changed.';
SELECT storage_by_day('events');
-- Serves look-ups by number alone (`athenaeum events show`). Numbers rise with time, so that the
-- bounds of small block ranges find one; a B-tree would write as much log as the jobs do. Vacuum sums up
-- new ranges; asking for each as it fills (autosummarize) overruns what autovacuum can note down.
CREATE INDEX events_id ON events USING brin (id) WITH (pages_per_range = 16);
SELECT storage_compress('events', 'occurred_at, id');

-- Every key that leads to an event: its deliveries', and that of the happening itself. The one place
-- that dedupes, so it is neither partitioned nor bound to the log by a foreign key.
CREATE TABLE deliveries (
    key         text        PRIMARY KEY,
    event_id    bigint      NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE deliveries IS 'Keys of deliveries and happenings, pruned by age.';
CREATE INDEX deliveries_event ON deliveries
    USING brin (event_id, received_at) WITH (pages_per_range = 32);
