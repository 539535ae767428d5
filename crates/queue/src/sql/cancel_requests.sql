-- A worker's running jobs whose cancellation was requested.
-- Called by: renew and cancel_requests. Locks: none. Index: jobs_called_off.
SELECT event_id FROM jobs WHERE holder = $1 AND state = 'x' AND cancel_requested
