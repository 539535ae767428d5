-- Files an incident, unless one of its kind and name stands.
-- Called by: file_incident, place_hold. Locks: the row. Index: incidents_once.
INSERT INTO incidents (kind, name, subject) VALUES ($1, $2, $3) ON CONFLICT (kind, name) DO NOTHING
