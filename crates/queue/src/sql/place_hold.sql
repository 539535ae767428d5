-- Holds the fleet, unless it is held.
-- Called by: hold. Locks: the row. Index: pauses_pkey.
INSERT INTO pauses (scope, name, actor, reason) VALUES ('fleet', 'hold', $1, $2)
    ON CONFLICT (scope, name) DO NOTHING
RETURNING scope
