-- What somebody is beside an ordinary person.
-- Called by: standing. Locks: none. Index: standings_pkey.
SELECT standing FROM standings WHERE tenant = $1 AND actor = $2
