-- Leads a key to an event; one that leads somewhere already only if $4.
-- Called by: lead, lead_anew. Locks: the key. Index: deliveries_pkey.
INSERT INTO deliveries (key, event_id, occurred_at) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE
   SET event_id = EXCLUDED.event_id, occurred_at = EXCLUDED.occurred_at
 WHERE $4
