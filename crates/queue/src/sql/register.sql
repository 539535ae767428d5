-- A new incarnation of a worker, its lease begun.
-- Called by: register. Locks: none. Index: none.
INSERT INTO workers (name, version, slots, lease_until)
VALUES ($1, $2, $3, clock_timestamp() + $4::bigint * INTERVAL '1 millisecond')
RETURNING id
