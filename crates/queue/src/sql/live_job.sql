-- Where an event's live job is.
-- Called by: signal and the fan-in's continuation, to know which lock to take. Locks: none.
-- Index: jobs_pkey.
SELECT lane, generation FROM jobs WHERE event_id = $1 AND occurred_at = $2
