-- Completes groups whose deadline has passed, with what they have.
-- Called by: the sweep. Locks: the groups' rows, skipping locked ones. Index: fan_ins_open.
UPDATE fan_ins
   SET completed_at = clock_timestamp(), completed_by = 'deadline'
 WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM fan_ins
         WHERE completed_at IS NULL AND deadline_at <= clock_timestamp()
         ORDER BY deadline_at LIMIT $1
           FOR UPDATE SKIP LOCKED))
   AND completed_at IS NULL
RETURNING event_id
