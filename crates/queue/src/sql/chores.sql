-- Which of the sweep's chores there are. Each look takes the first entry of an index, in its order:
-- EXISTS would let the planner search a table for what it holds to be common and what is not there.
-- Called by: the sweep. Locks: none. Index: jobs_asleep, jobs_expiring, fan_ins_living,
-- fan_ins_complete.
SELECT coalesce((SELECT min(position) FROM jobs WHERE state = 's')
                <= (SELECT micros(clock_timestamp())), false) AS sleepers,
       coalesce((SELECT min(expires_at) FROM jobs WHERE expires_at IS NOT NULL AND state <> 'x')
                <= clock_timestamp(), false) AS expired,
       (SELECT min(event_id) FROM fan_ins WHERE living > 0) IS NOT NULL AS families,
       (SELECT min(completed_at) FROM fan_ins
         WHERE completed_at IS NOT NULL AND continued_at IS NULL) IS NOT NULL AS complete
