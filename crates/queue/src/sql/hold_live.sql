-- Holds an event's live job, whatever its state: what it does next is decided after this.
-- Called by: signal and the fan-in's continuation, after lock_lanes. Locks: the job's row.
-- Index: jobs_pkey.
SELECT generation FROM jobs WHERE event_id = $1 AND occurred_at = $2 FOR UPDATE
