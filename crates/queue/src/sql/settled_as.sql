-- How an attempt was recorded, if it was.
-- Called by: settle, when its claim holds the job no more: perhaps an earlier settle of the same
-- attempt was committed and its answer lost. Locks: none. Index: attempts_pkey, outcomes_pkey.
SELECT number, outcome FROM attempt_history
 WHERE occurred_at = $1 AND event_id = $2 AND generation = $3 AND token = $4
