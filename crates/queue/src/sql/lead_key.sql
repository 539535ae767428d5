-- Leads a key to an event, unless it leads somewhere already.
-- Called by: lead. Locks: the key. Index: deliveries_pkey.
INSERT INTO deliveries (key, event_id, occurred_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING
