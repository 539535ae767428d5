-- What was made and what became of it, in one snapshot.
-- Called by: stats. Locks: none. Index: none; counts the live table, which is narrow, and what
-- job_flow gathered since the last maintenance.
SELECT * FROM conservation()
