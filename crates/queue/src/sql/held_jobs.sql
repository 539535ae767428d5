-- What a worker holds by the database's account.
-- Called by: claim, after one whose answer was lost. Locks: none. Index: jobs_held.
SELECT event_id, occurred_at, generation, attempts, token, lane, child, kind
  FROM jobs WHERE holder = $1 AND state = 'x'
