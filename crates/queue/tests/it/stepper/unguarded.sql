-- Takes the backstops away, so that it is the statements that must keep the rules.
DROP INDEX jobs_lane_head;
CREATE INDEX jobs_lane_head ON jobs (lane) WHERE head AND lane IS NOT NULL;
ALTER TABLE jobs DROP CONSTRAINT jobs_running_is_held;
ALTER TABLE jobs DROP CONSTRAINT jobs_ready_is_head;
