-- The newest generation of an event's job, live or ended.
-- Called by: latest_generation. Locks: none. Index: jobs_pkey, outcomes_pkey.
SELECT greatest(
    (SELECT max(generation) FROM outcomes WHERE occurred_at = $1 AND event_id = $2),
    (SELECT generation FROM jobs WHERE event_id = $2),
    0) AS generation
