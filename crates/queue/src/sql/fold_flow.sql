-- Brings the totals of jobs up to date.
-- Called by: sweep, now and then. Locks: what it folds and the totals' row; a second process leaves
-- the work to the first. Index: none; the table is small because it is folded.
WITH mine AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(7302, 3) AS alone
), folded AS (
    DELETE FROM job_flow WHERE (SELECT alone FROM mine) RETURNING *
), sums AS (
    SELECT sum(made) AS made, sum(done) AS done, sum(dead) AS dead, sum(cancelled) AS cancelled,
           sum(expired) AS expired
      FROM folded HAVING count(*) > 0
)
UPDATE job_totals t
   SET made = t.made + s.made, done = t.done + s.done, dead = t.dead + s.dead,
       cancelled = t.cancelled + s.cancelled, expired = t.expired + s.expired
  FROM sums s
