-- One group of children.
-- Called by: spawn, family. Locks: none. Index: fan_ins_pkey.
SELECT total, needed, done, failed, cancel_rest, deadline_at, completed_at, completed_by, first_at, last_at
  FROM fan_ins
 WHERE event_id = $1 AND generation = $2 AND child_group = $3
