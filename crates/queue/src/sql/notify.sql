-- Hints to every listener that there may be work.
-- Called by: the notifier, and after single operations; never inside another transaction, because
-- its COMMIT takes a lock over the whole database. Locks: that one. Index: none.
SELECT pg_notify('athenaeum_jobs', '')
