-- Whether a generation has a group of children.
-- Called by: settle, before a suspension that waits for one. Locks: none. Index: fan_ins_pkey.
SELECT FROM fan_ins WHERE event_id = $1 AND generation = $2 AND child_group = $3
