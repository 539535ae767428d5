-- Locks the lanes that the transaction is about to insert into or finish in.
-- Called by: the group commit, settle, cancel, replay, before any statement that looks at jobs, so
-- that those look with a snapshot taken under the lock. Locks: advisory, of the class given, the
-- buckets in the order given, which is sorted and without repetition. Index: none.
SELECT pg_advisory_xact_lock($1::integer, bucket) FROM unnest($2::integer[]) AS bucket
