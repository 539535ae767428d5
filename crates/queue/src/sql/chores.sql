-- Which of the sweep's chores there are. Each look takes the first entry of an index, in its order:
-- EXISTS would let the planner search a table for what it holds to be common and what is not there.
-- None looks past now: under a held snapshot an index still lists what is over, and most of it was for
-- later.
-- Called by: the sweep. Locks: none. Index: jobs_asleep, jobs_expiring, fan_ins_living,
-- fan_ins_complete.
SELECT (SELECT min(position) FROM jobs
         WHERE state = 's' AND position <= (SELECT micros(clock_timestamp()))) IS NOT NULL AS sleepers,
       (SELECT min(expires_at) FROM jobs
         WHERE expires_at IS NOT NULL AND state <> 'x'
           AND expires_at <= (SELECT clock_timestamp())) IS NOT NULL AS expired,
       (SELECT min(event_id) FROM fan_ins WHERE living > 0) IS NOT NULL AS families,
       (SELECT min(completed_at) FROM fan_ins
         WHERE completed_at IS NOT NULL AND continued_at IS NULL) IS NOT NULL AS complete
