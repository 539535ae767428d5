-- The history that the checker reads: every change of jobs, workers, steps, effects and
-- fan-ins, in one order.
--
-- For test databases only: run it once, as one batch, on the migrated and empty database, before the
-- first event. Called by: harnesses, never by the product. Locks: a short exclusive one on each table.
--
-- The triggers fire once for each statement, not for each row, and a change costs a narrow row and no
-- index. The sequence is drawn while the changed rows are still locked, so that the order of one row's
-- changes is the true one; a crash of the server makes gaps in it but never steps back. `horizon` is
-- taken while a claim holds its rows: what committed below it was there to be seen, because whoever
-- commits a lower place in a lane has to wait for the rows of a claim in flight.

CREATE SEQUENCE checker_order AS bigint;

CREATE TABLE checker_jobs (
    seq              bigint NOT NULL DEFAULT nextval('checker_order'),
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid              bigint NOT NULL,
    horizon          bigint NOT NULL,
    event_id         bigint,
    lane             bigint,
    lane_order       bigint,
    token            bigint,
    holder           bigint,
    position         bigint,
    claimed_at       timestamptz,
    generation       integer,
    attempts         integer,
    head             boolean,
    cancel_requested boolean,
    op               "char" NOT NULL,
    state            text
);
CREATE TABLE checker_workers (
    seq         bigint NOT NULL DEFAULT nextval('checker_order'),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid         bigint NOT NULL,
    horizon     bigint NOT NULL,
    worker      bigint,
    lease_until timestamptz,
    fenced_at   timestamptz,
    stopped_at  timestamptz,
    slots       integer,
    op          "char" NOT NULL
);
CREATE TABLE checker_steps (
    seq        bigint NOT NULL DEFAULT nextval('checker_order'),
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid        bigint NOT NULL,
    horizon    bigint NOT NULL,
    event_id   bigint,
    token      bigint,
    generation integer,
    number     integer,
    op         "char" NOT NULL,
    result     text
);
CREATE TABLE checker_effects (
    seq        bigint NOT NULL DEFAULT nextval('checker_order'),
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid        bigint NOT NULL,
    horizon    bigint NOT NULL,
    event_id   bigint,
    token      bigint,
    generation integer,
    op         "char" NOT NULL,
    slot       text,
    state      text
);

CREATE TABLE checker_fan_ins (
    seq          bigint NOT NULL DEFAULT nextval('checker_order'),
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid          bigint NOT NULL,
    horizon      bigint NOT NULL,
    event_id     bigint,
    completed_at timestamptz,
    continued_at timestamptz,
    generation   integer,
    total        integer,
    needed       integer,
    done         integer,
    failed       integer,
    op           "char" NOT NULL,
    child_group  text,
    completed_by text
);

CREATE FUNCTION checker_horizon() RETURNS bigint
LANGUAGE sql VOLATILE
RETURN pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

CREATE FUNCTION checker_note_jobs() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO checker_jobs (xid, horizon, event_id, lane, lane_order, token, holder, position,
                              claimed_at, generation, attempts, head, cancel_requested, op, state)
    SELECT pg_current_xact_id()::text::bigint, checker_horizon(), event_id, lane, lane_order, token,
           holder, position, claimed_at, generation, attempts, head, cancel_requested,
           lower(left(TG_OP, 1))::"char", state::text
      FROM changed;
    RETURN NULL;
END
$$;

CREATE FUNCTION checker_note_workers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO checker_workers (xid, horizon, worker, lease_until, fenced_at, stopped_at, slots, op)
    SELECT pg_current_xact_id()::text::bigint, checker_horizon(), id, lease_until, fenced_at,
           stopped_at, slots, lower(left(TG_OP, 1))::"char"
      FROM changed;
    RETURN NULL;
END
$$;

CREATE FUNCTION checker_note_steps() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO checker_steps (xid, horizon, event_id, token, generation, number, op, result)
    SELECT pg_current_xact_id()::text::bigint, checker_horizon(), event_id, token, generation,
           number, lower(left(TG_OP, 1))::"char", md5(result::text)
      FROM changed;
    RETURN NULL;
END
$$;

CREATE FUNCTION checker_note_effects() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO checker_effects (xid, horizon, event_id, token, generation, op, slot, state)
    SELECT pg_current_xact_id()::text::bigint, checker_horizon(), event_id, token, generation,
           lower(left(TG_OP, 1))::"char", slot, state
      FROM changed;
    RETURN NULL;
END
$$;

CREATE FUNCTION checker_note_fan_ins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO checker_fan_ins (xid, horizon, event_id, completed_at, continued_at, generation,
                                 total, needed, done, failed, op, child_group, completed_by)
    SELECT pg_current_xact_id()::text::bigint, checker_horizon(), event_id, completed_at,
           continued_at, generation, total, needed, done, failed, lower(left(TG_OP, 1))::"char",
           child_group, completed_by
      FROM changed;
    RETURN NULL;
END
$$;

-- Steps and effects are hypertables where TimescaleDB is, and those know no such triggers: there they
-- are judged by the dump alone.
DO $$
DECLARE
    target text;
    hypertables boolean := (SELECT mode = 'timescale' FROM storage);
BEGIN
    FOREACH target IN ARRAY ARRAY['jobs', 'workers', 'steps', 'effects', 'fan_ins'] LOOP
        CONTINUE WHEN to_regclass(target) IS NULL;
        CONTINUE WHEN hypertables AND target IN ('steps', 'effects');
        EXECUTE format('CREATE TRIGGER checker_inserted AFTER INSERT ON %1$I
                        REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION %2$I()', target, 'checker_note_' || target);
        EXECUTE format('CREATE TRIGGER checker_updated AFTER UPDATE ON %1$I
                        REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION %2$I()', target, 'checker_note_' || target);
        EXECUTE format('CREATE TRIGGER checker_deleted AFTER DELETE ON %1$I
                        REFERENCING OLD TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION %2$I()', target, 'checker_note_' || target);
    END LOOP;
END
$$;

CREATE FUNCTION checker_micros(at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN (extract(epoch FROM at) * 1000000)::bigint;

-- The lines of history/, to be read in the order of `seq`.
CREATE VIEW checker_history AS
SELECT seq, json_build_array(seq, checker_micros(at), xid, horizon, 'j', op, event_id, generation,
                             state, head::integer, lane, lane_order, token, holder, attempts,
                             position, checker_micros(claimed_at), cancel_requested::integer) AS line
  FROM checker_jobs
UNION ALL
SELECT seq, json_build_array(seq, checker_micros(at), xid, horizon, 'w', op, worker,
                             checker_micros(lease_until), checker_micros(fenced_at),
                             checker_micros(stopped_at), slots)
  FROM checker_workers
UNION ALL
SELECT seq, json_build_array(seq, checker_micros(at), xid, horizon, 's', op, event_id, generation,
                             number, token, result)
  FROM checker_steps
UNION ALL
SELECT seq, json_build_array(seq, checker_micros(at), xid, horizon, 'e', op, event_id, generation,
                             slot, token, state)
  FROM checker_effects
UNION ALL
SELECT seq, json_build_array(seq, checker_micros(at), xid, horizon, 'f', op, event_id, generation,
                             child_group, total, needed, done, failed, checker_micros(completed_at),
                             completed_by, checker_micros(continued_at))
  FROM checker_fan_ins;
