-- What the stepper watches by: a trigger that writes down every change of a job, and what is wrong
-- with it. A trigger of VOLATILE code looks with a fresh snapshot: it sees what is committed now, and
-- its own transaction's work.
CREATE UNLOGGED TABLE changes (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   bigint NOT NULL,
    generation integer NOT NULL,
    was        text,
    now        text,
    lane       bigint,
    token      bigint,
    attempts   integer NOT NULL
);
CREATE UNLOGGED TABLE wrongs (what text NOT NULL);

CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    job jobs := coalesce(NEW, OLD);
    was text := CASE WHEN TG_OP <> 'INSERT' THEN OLD.state::text END;
    now text := CASE WHEN TG_OP <> 'DELETE' THEN NEW.state::text END;
    move text := coalesce(was, '-') || coalesce(now, '-');
BEGIN
    INSERT INTO changes (event_id, generation, was, now, lane, token, attempts)
    VALUES (job.event_id, job.generation, was, now, job.lane, job.token, job.attempts);
    -- Made, promoted, demoted, claimed, given back, put to sleep, woken, ended.
    IF move NOT IN ('-w', '-r', 'ww', 'rr', 'wr', 'rw', 'rx', 'xx', 'xw', 'xr', 'xs', 'sw', 'sr', 'ss',
                    'w-', 'r-', 'x-', 's-') THEN
        INSERT INTO wrongs VALUES (format('event %s: the move %s', job.event_id, move));
    END IF;
    IF now IS NULL THEN
        RETURN NULL;
    END IF;
    -- No lease column outlives its lease, none is missing while it runs.
    IF (now = 'x') <> (job.holder IS NOT NULL) OR (now = 'x') <> (job.claimed_at IS NOT NULL)
       OR (now = 'x' AND (job.token IS NULL OR job.attempts < 1)) THEN
        INSERT INTO wrongs VALUES (format('event %s: half a lease, %s', job.event_id, job));
    END IF;
    IF move = 'rx' AND job.lane IS NOT NULL THEN
        INSERT INTO wrongs
        SELECT format('event %s overlaps event %s in lane %s', job.event_id, o.event_id, o.lane)
          FROM jobs o WHERE o.lane = job.lane AND o.state = 'x' AND o.event_id <> job.event_id;
        -- Whoever was begun keeps its turn; a first claim takes the lowest of what is committed.
        IF OLD.token IS NULL THEN
            INSERT INTO wrongs
            SELECT format('event %s of lane %s is claimed before event %s', job.event_id, o.lane, o.event_id)
              FROM jobs o
             WHERE o.lane = job.lane AND o.state IN ('w', 'r') AND o.event_id <> job.event_id
               AND (o.lane_order, o.event_id) < (job.lane_order, job.event_id);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER watch AFTER INSERT OR UPDATE OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION watch();
