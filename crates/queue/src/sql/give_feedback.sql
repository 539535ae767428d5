-- Keeps what somebody thought of an event's answer, instead of what they thought before.
-- Called by: give_feedback. Locks: the row. Index: feedback_pkey.
INSERT INTO feedback (occurred_at, event_id, actor, good) VALUES ($1, $2, $3, $4)
    ON CONFLICT (occurred_at, event_id, actor)
    DO UPDATE SET good = EXCLUDED.good, given_at = clock_timestamp()
