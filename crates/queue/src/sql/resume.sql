-- Takes a pause away. What it covered is freed afterwards, in batches.
-- Called by: resume. Locks: the row. Index: pauses_pkey.
DELETE FROM pauses WHERE scope = $1 AND name = $2 RETURNING scope
