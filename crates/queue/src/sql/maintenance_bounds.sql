-- Longer for the work, shorter for the wait: a waiting ACCESS EXCLUSIVE lock blocks everyone behind.
-- Called by: maintain, first in each of its transactions. Locks: none. Index: none.
SELECT set_config('statement_timeout', '60000', true), set_config('lock_timeout', '2000', true)
