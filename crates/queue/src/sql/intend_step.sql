-- Records that a step is about to be done, unless it has a result or another name.
-- Called by: intend_step. Answers whether the claim holds its job, and how often the step was begun:
-- NULL when the record says otherwise. Locks: the claim's job against its takeover until COMMIT; the
-- step's row. Index: jobs_pkey, steps_pkey.
WITH held AS (
    SELECT event_id FROM jobs WHERE event_id = $1 AND token = $2 AND state = 'x' FOR UPDATE
), intended AS (
    INSERT INTO steps AS s (occurred_at, event_id, generation, number, token, kind, name, input)
    SELECT $3, event_id, $4, $5, $2, $6, $7, $8 FROM held
    ON CONFLICT (occurred_at, event_id, generation, number) DO UPDATE
       SET tries = s.tries + 1, token = $2
     WHERE s.result IS NULL AND s.kind = excluded.kind AND s.name = excluded.name
    RETURNING tries, input
)
SELECT EXISTS (SELECT FROM held) AS held,
       (SELECT tries FROM intended) AS tries,
       (SELECT input FROM intended) AS input
