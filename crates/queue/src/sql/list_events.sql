-- The newest events, of any state or of one that leaves no other trace (done, stored, quarantined).
-- Called by: events, with event_filter behind it. Locks: none. Index: events_pkey backwards,
-- jobs_pkey, outcomes_pkey.
SELECT s.* FROM event_summaries s
 WHERE ($9::text IS NULL OR s.state = $9)
