-- The hold that stands.
-- Called by: standing_hold. Locks: none. Index: pauses_pkey.
SELECT at, actor, reason FROM pauses WHERE scope = 'fleet' AND name = 'hold'
