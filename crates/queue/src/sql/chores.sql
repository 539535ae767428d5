-- Which of the sweep's chores there are.
-- Called by: the sweep. Locks: none. Index: jobs_due, jobs_expiring, fan_ins_open, fan_ins_living,
-- fan_ins_complete, fan_ins_rest.
SELECT EXISTS (SELECT FROM jobs
                WHERE (state = 's' OR (state = 'w' AND head)) AND state = 's'
                  AND position <= (SELECT micros(clock_timestamp()))) AS sleepers,
       EXISTS (SELECT FROM jobs
                WHERE expires_at IS NOT NULL AND state <> 'x' AND expires_at <= clock_timestamp()) AS expired,
       EXISTS (SELECT FROM fan_ins WHERE done + failed < total) AS families,
       EXISTS (SELECT FROM fan_ins WHERE completed_at IS NOT NULL AND continued_at IS NULL) AS complete
