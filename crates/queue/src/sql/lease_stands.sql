-- Whether a worker may still claim, and whether anything is paused.
-- Called by: claim, beside it. Locks: none. Index: workers_pkey.
SELECT EXISTS (SELECT FROM pauses) AS paused FROM workers
 WHERE id = $1 AND fenced_at IS NULL AND stopped_at IS NULL AND lease_until > clock_timestamp()
