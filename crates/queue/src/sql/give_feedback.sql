-- Keeps what somebody thought of an event's answer, instead of what they thought before; their words go
-- with the opinion that they were said about.
-- Called by: give_feedback. Locks: the row. Index: feedback_pkey.
INSERT INTO feedback AS f (occurred_at, event_id, actor, good, remark) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (occurred_at, event_id, actor)
    DO UPDATE SET good = EXCLUDED.good, given_at = clock_timestamp(),
       remark = coalesce(EXCLUDED.remark, CASE WHEN f.good = EXCLUDED.good THEN f.remark END)
