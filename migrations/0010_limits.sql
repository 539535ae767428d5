-- What people and outside services are allowed, what went wrong outside, and whether this is still the
-- database that it was.

-- Until when whoever is limited by this bucket refuses everybody.
ALTER TABLE limits ADD COLUMN refused_until timestamptz CHECK (isfinite(refused_until));

-- How much of something was used within a minute or a day of the database's clock.
CREATE TABLE quotas (
    name      text        NOT NULL,
    starts_at timestamptz NOT NULL CHECK (isfinite(starts_at)),
    used      bigint      NOT NULL CHECK (used >= 0),
    -- The event that was counted first.
    opened_by bigint      NOT NULL,
    PRIMARY KEY (name, starts_at)
) WITH (fillfactor = 50);
COMMENT ON TABLE quotas IS 'How much of something was used within a minute or a day.';
-- Serves the look for those that are over.
CREATE INDEX quotas_over ON quotas (starts_at);

-- What went wrong outside and was put right, or was left to people. One row for each thing, by its name.
CREATE TABLE incidents (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind        text        NOT NULL CHECK (kind <> ''),
    name        text        NOT NULL CHECK (name <> ''),
    subject     jsonb       NOT NULL,
    resolved_at timestamptz,
    CONSTRAINT incidents_once UNIQUE (kind, name)
);
COMMENT ON TABLE incidents IS 'What went wrong outside, and whether it was put right.';

-- Serves the look for what was lately done outside, whenever its event happened.
CREATE INDEX effects_recent ON effects (intended_at);

-- Which database this is: the cluster's identifier and its timeline, which a restore and a promotion
-- change. NULL where the server does not tell.
CREATE FUNCTION lineage_now() RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF pg_is_in_recovery() THEN RETURN NULL; END IF;
    RETURN (SELECT system_identifier FROM pg_control_system())
           || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_function THEN RETURN NULL;
END
$$;

-- The one that an operator last took for whole.
CREATE TABLE lineage (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    cluster     text,
    -- When an operator released it after a hold; what had happened before may have been done outside
    -- without being known here.
    released_at timestamptz
);
COMMENT ON TABLE lineage IS 'Which database this is, as an operator last confirmed it.';
INSERT INTO lineage (cluster) SELECT lineage_now();

-- Whether an act is recorded that a process remembers; also when it remembers none, and when an
-- operator may have purged it since.
CREATE FUNCTION is_known(occurred timestamptz, event bigint, life integer, act text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT occurred IS NULL
        OR EXISTS (SELECT FROM effects AS e
                    WHERE e.occurred_at = occurred AND e.event_id = event
                      AND e.generation = life AND e.slot = act)
        OR occurred < clock_timestamp() - INTERVAL '1 day'
        OR EXISTS (SELECT FROM audit
                    WHERE action = 'purge' AND at > clock_timestamp() - INTERVAL '1 day')
$$;

-- A hold is a pause of the fleet under a name of its own, and nothing is done outside while it stands.
ALTER TABLE pauses DROP CONSTRAINT pauses_name_one_thing;
ALTER TABLE pauses ADD CONSTRAINT pauses_name_one_thing CHECK (
    CASE scope WHEN 'fleet' THEN num_nonnulls(kind, lane, event_id) = 0 AND name IN ('', 'hold')
               WHEN 'kind'  THEN kind IS NOT NULL AND num_nonnulls(lane, event_id) = 0
               WHEN 'lane'  THEN lane IS NOT NULL AND num_nonnulls(kind, event_id) = 0
               WHEN 'event' THEN event_id IS NOT NULL AND num_nonnulls(kind, lane) = 0 END);
