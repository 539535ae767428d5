-- Makes somebody an admin, or ignored; answers whether that is new.
-- Called by: set_standing. Locks: the row. Index: standings_pkey.
INSERT INTO standings (tenant, actor, standing, given_by)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant, actor) DO UPDATE
   SET standing = EXCLUDED.standing, given_by = EXCLUDED.given_by, at = clock_timestamp()
 WHERE standings.standing <> EXCLUDED.standing
RETURNING actor
