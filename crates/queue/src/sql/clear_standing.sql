-- Makes somebody an ordinary person again; answers whether they were not.
-- Called by: clear_standing. Locks: the row. Index: standings_pkey.
DELETE FROM standings WHERE tenant = $1 AND actor = $2 AND standing = $3 RETURNING actor
