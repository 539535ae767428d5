-- Deletes events that have no live job, and all that is known of them.
-- Called by: purge, under the locks of lock_lanes. Locks: the deleted rows. Index: the primary keys;
-- deliveries_event.
WITH meant AS MATERIALIZED (
    -- A claim may have taken a job since purge_states looked.
    SELECT n.occurred_at, n.id
      FROM unnest($1::timestamptz[], $2::bigint[]) AS n (occurred_at, id)
     WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = n.id)
), keys AS (
    DELETE FROM deliveries t WHERE t.event_id = ANY (ARRAY(SELECT id FROM meant))
), tried AS (
    DELETE FROM attempts t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), ended AS (
    DELETE FROM outcomes t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), acted AS (
    DELETE FROM effects t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), stepped AS (
    DELETE FROM steps t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), told AS (
    DELETE FROM signals t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), edited AS (
    DELETE FROM payloads t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), rated AS (
    DELETE FROM feedback t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), born AS (
    DELETE FROM children t USING meant m WHERE t.occurred_at = m.occurred_at AND t.event_id = m.id
), slept AS (
    DELETE FROM waits t USING meant m WHERE t.event_id = m.id
), joined AS (
    DELETE FROM fan_ins t USING meant m WHERE t.event_id = m.id
)
DELETE FROM events t USING meant m WHERE t.occurred_at = m.occurred_at AND t.id = m.id
RETURNING t.id
