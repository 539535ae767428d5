-- A group of children, unless the generation has it already.
-- Called by: spawn, before insert_children. Locks: its key. Index: fan_ins_pkey.
INSERT INTO fan_ins (occurred_at, event_id, generation, child_group, total, needed, deadline_at,
                     cancel_rest, first_at, last_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::bigint * INTERVAL '1 microsecond', $8, $9, $10)
ON CONFLICT (event_id, generation, child_group) DO NOTHING
RETURNING event_id
