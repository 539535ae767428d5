-- How the log is stored, and the functions that look after it.
--
-- One set of migrations serves two modes. `timescale`: the tables by day are hypertables with
-- compression and retention jobs. `native`: they are partitioned by day, fourteen days ahead, with a
-- DEFAULT partition that catches every other time. The table `storage` says which.

CREATE TABLE storage (
    one                       boolean PRIMARY KEY DEFAULT true CHECK (one),
    mode                      text    NOT NULL CHECK (mode IN ('timescale', 'native')),
    tables_by_day             text[]  NOT NULL DEFAULT '{}',
    partitions_ahead_days     integer NOT NULL DEFAULT 14 CHECK (partitions_ahead_days BETWEEN 1 AND 365),
    compress_after_days       integer NOT NULL DEFAULT 7  CHECK (compress_after_days >= 1),
    retention_days            integer NOT NULL DEFAULT 90 CHECK (retention_days > compress_after_days),
    deliveries_retention_days integer NOT NULL DEFAULT 30 CHECK (deliveries_retention_days >= 1),
    CHECK (deliveries_retention_days < retention_days)
);
COMMENT ON TABLE storage IS 'One row: how the log is stored, and for how long.';

DO $$
DECLARE
    -- The loader's own setting is there exactly when the library is preloaded; unlike
    -- shared_preload_libraries, every role may read it.
    preloaded boolean := current_setting('timescaledb.disable_load', true) IS NOT NULL;
    chosen text := 'native';
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        chosen := 'timescale';
    ELSIF preloaded AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        BEGIN
            CREATE EXTENSION timescaledb;
            chosen := 'timescale';
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'this role may not create the extension timescaledb: native partitions';
        END;
    END IF;
    INSERT INTO storage (mode) VALUES (chosen);

    -- Optional: without it, search is by keyword only.
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'this role may not create the extension vector: keyword search only';
        END;
    END IF;
END
$$;

-- Makes one partition of a native table and moves into it what the DEFAULT partition had caught.
-- Returns whether it made one. The DEFAULT partition is locked before it is emptied, because a row
-- that slips in between would make the attachment fail.
CREATE FUNCTION storage_add_partition(parent text, day date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    child     text        := format('%s_p%s', parent, to_char(day, 'YYYYMMDD'));
    fallback  text        := format('%s_default', parent);
    from_time timestamptz := day::timestamp AT TIME ZONE 'UTC';
    to_time   timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(quote_ident(child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', fallback);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE occurred_at >= %L AND occurred_at < %L RETURNING *)
         INSERT INTO %I SELECT * FROM moved',
        fallback, from_time, to_time, child);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, child, from_time, to_time);
    RETURN true;
END
$$;

-- Makes the partitions from yesterday to `partitions_ahead_days` ahead, and those of every day
-- within retention that the DEFAULT partitions caught rows of. Returns how many it made; 0 when
-- another process is at it. Hypertables need nothing.
CREATE FUNCTION storage_add_partitions() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    settings storage;
    today    date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    parent   text;
    day      date;
    made     integer := 0;
BEGIN
    SELECT * INTO STRICT settings FROM storage;
    IF settings.mode <> 'native' OR NOT pg_try_advisory_xact_lock(7302, 1) THEN
        RETURN 0;
    END IF;
    FOREACH parent IN ARRAY settings.tables_by_day LOOP
        FOR day IN EXECUTE format(
            'SELECT %1$L::date + ahead FROM generate_series(-1, %2$s) AS ahead
             UNION
             SELECT DISTINCT (occurred_at AT TIME ZONE ''UTC'')::date FROM %4$I
              WHERE occurred_at >= %1$L::date - %3$s AND occurred_at < %1$L::date + %2$s',
            today, settings.partitions_ahead_days, settings.retention_days, parent || '_default')
        LOOP
            made := made + storage_add_partition(parent, day)::integer;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- Drops what lies past retention, by whole days, except the days that a live job's event lies in.
-- Returns how many partitions or chunks went; 0 when another process is at it. Replays of events
-- past retention are refused, so that no job can appear behind this function's back.
CREATE FUNCTION storage_apply_retention() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    settings  storage;
    cutoff    timestamptz;
    live_days date[];
    parent    text;
    old       record;
    dropped   integer := 0;
BEGIN
    SELECT * INTO STRICT settings FROM storage;
    IF NOT pg_try_advisory_xact_lock(7302, 2) THEN
        RETURN 0;
    END IF;
    cutoff := date_trunc('day', clock_timestamp(), 'UTC') - make_interval(days => settings.retention_days);
    SELECT coalesce(array_agg(DISTINCT (occurred_at AT TIME ZONE 'UTC')::date), '{}')
      INTO live_days FROM jobs WHERE occurred_at < cutoff;
    FOREACH parent IN ARRAY settings.tables_by_day LOOP
        FOR old IN
            SELECT name, from_time, to_time FROM storage_days(settings.mode, parent)
             WHERE to_time <= cutoff AND NOT (from_time AT TIME ZONE 'UTC')::date = ANY (live_days)
        LOOP
            IF settings.mode = 'native' THEN
                EXECUTE format('DROP TABLE %I', old.name);
            ELSE
                EXECUTE format('SELECT drop_chunks(%L, older_than => %L::timestamptz, newer_than => %L::timestamptz)',
                               parent, old.to_time, old.from_time);
            END IF;
            dropped := dropped + 1;
        END LOOP;
        IF settings.mode = 'native' THEN
            EXECUTE format(
                'DELETE FROM %I WHERE occurred_at < %L AND NOT (occurred_at AT TIME ZONE ''UTC'')::date = ANY (%L)',
                parent || '_default', cutoff, live_days);
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;

-- The days of a table: its partitions, or its chunks. The DEFAULT partition is none of them.
CREATE FUNCTION storage_days(mode text, parent text)
RETURNS TABLE (name text, from_time timestamptz, to_time timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF mode = 'native' THEN
        RETURN QUERY
            SELECT c.relname::text,
                   to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC',
                   (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
              FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = to_regclass(quote_ident(parent))
               AND c.relname ~ ('^' || parent || '_p[0-9]{8}$');
    ELSE
        RETURN QUERY EXECUTE
            'SELECT chunk_name::text, range_start, range_end FROM timescaledb_information.chunks
              WHERE hypertable_schema = current_schema() AND hypertable_name = $1' USING parent;
    END IF;
END
$$;

-- Forgets delivery keys past their age. Returns how many; bounded, so call again while it is full.
CREATE FUNCTION storage_prune_deliveries(rows_max integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    pruned integer;
BEGIN
    DELETE FROM deliveries
     WHERE key = ANY (ARRAY(
        SELECT key FROM deliveries
         WHERE received_at < clock_timestamp()
               - (SELECT make_interval(days => deliveries_retention_days) FROM storage)
         LIMIT rows_max FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

-- Turns a new, empty table with a column `occurred_at` into one stored by day. Its indexes other
-- than the primary key are made afterwards.
CREATE FUNCTION storage_by_day(target text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE storage SET tables_by_day = tables_by_day || target;
    IF (SELECT mode FROM storage) = 'timescale' THEN
        EXECUTE format(
            'SELECT create_hypertable(%L, ''occurred_at'', chunk_time_interval => INTERVAL ''1 day'',
                                      create_default_indexes => false)', target);
        RETURN;
    END IF;
    -- A plain table cannot become partitioned: a partitioned one of the same shape replaces it.
    EXECUTE format('ALTER TABLE %I RENAME TO %I', target, target || '_shape');
    EXECUTE format('ALTER INDEX %I RENAME TO %I', target || '_pkey', target || '_shape_pkey');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (occurred_at)',
                   target, target || '_shape');
    EXECUTE format('DROP TABLE %I', target || '_shape');
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', target || '_default', target);
END
$$;

-- Where the licence permits, compresses a hypertable's older chunks. Call it after the table's
-- indexes exist. Native mode has no compression.
CREATE FUNCTION storage_compress(target text, order_by text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT mode FROM storage) <> 'timescale'
       OR current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale' THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_orderby = %L)',
                   target, order_by);
    EXECUTE format('SELECT add_compression_policy(%L, (SELECT make_interval(days => compress_after_days) FROM storage))',
                   target);
END
$$;
