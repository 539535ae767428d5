-- Everybody of a tenant who is more or less than an ordinary person, $2 at most.
-- Called by: standings. Locks: none. Index: standings_pkey.
SELECT actor, standing, at, given_by FROM standings WHERE tenant = $1 ORDER BY actor LIMIT $2
