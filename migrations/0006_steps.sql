-- Durable steps: each model answer, each tool's result, recorded once and read again by every later
-- attempt of the same generation.

CREATE TABLE steps (
    occurred_at   timestamptz NOT NULL,
    event_id      bigint      NOT NULL,
    -- The claim that wrote last.
    token         bigint      NOT NULL,
    intended_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at       timestamptz,
    input_tokens  bigint,
    output_tokens bigint,
    -- In millionths of the currency that the model is billed in.
    cost_micros   bigint      CHECK (cost_micros >= 0),
    generation    integer     NOT NULL,
    number        integer     NOT NULL CONSTRAINT steps_number CHECK (number BETWEEN 0 AND 9999),
    -- How often it was begun; above 1, an attempt broke off between intent and result.
    tries         integer     NOT NULL DEFAULT 1 CHECK (tries > 0),
    -- The generation that did the step, when this is a copy that a replay took over; it is paid there.
    copied_from   integer,
    kind          text        NOT NULL,
    name          text        NOT NULL,
    input         jsonb       NOT NULL,
    result        jsonb,
    CONSTRAINT steps_done_has_result CHECK ((done_at IS NULL) = (result IS NULL)),
    CONSTRAINT steps_pkey PRIMARY KEY (occurred_at, event_id, generation, number)
);
COMMENT ON TABLE steps IS 'Durable steps: what was asked, and the one result that stands.';
SELECT storage_by_day('steps');
SELECT storage_compress('steps', 'occurred_at, event_id');

SELECT storage_add_partitions();
