-- Where one event stands.
-- Called by: event. Locks: none. Index: events_pkey, jobs_pkey, outcomes_pkey.
SELECT state FROM event_summaries WHERE occurred_at = $1 AND id = $2
