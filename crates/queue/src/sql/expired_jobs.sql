-- Jobs that nobody began in time, the longest expired first.
-- Called by: the sweep, which ends them under their lanes' locks. Locks: none. Index: jobs_expiring.
SELECT event_id, occurred_at, lane FROM jobs
 WHERE expires_at IS NOT NULL AND state <> 'x' AND expires_at <= (SELECT clock_timestamp())
 ORDER BY expires_at LIMIT $1
